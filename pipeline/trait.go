package pipeline

// Trait is a property that a stage declares when it is registered, beside its
// types: by it a list of stages is checked against the mode of its pipeline.
type Trait uint8

// The traits.
const (
	// HoldsForEvents: in mode event the stage lets media through only for a
	// trigger.
	HoldsForEvents Trait = iota + 1
	// CompletesEvents: the stage gives the events that come down the flow the
	// interval that they ask for.
	CompletesEvents
	// RaisesEvents: the stage sends events down the flow that ask for an interval.
	RaisesEvents
	// GivesKeyFrames: nothing but key frames leaves the stage.
	GivesKeyFrames
	// NeedsEveryPicture: the stage is blind where only key frames come.
	NeedsEveryPicture
	// MakesFiles: the stage records its elements in files.
	MakesFiles
	// Catalogues: the stage gives its elements rows in the catalogue.
	Catalogues
)

// Forks is a stage's config that declares branches.
type Forks interface {
	// Tails lists the branches in their order, a nil for one that did not compile.
	Tails() []AnyTail
}

// AnyTail is a Tail of any element type.
type AnyTail interface{ behind() *Plan }

func (t *Tail[T]) behind() *Plan {
	if t == nil {
		return &Plan{}
	}
	return &Plan{Name: t.plan.Name, stages: t.plan.stages[1:]}
}

// tails returns the branches that a stage feeds.
func (d *declared) tails() (plans []*Plan) {
	if f, ok := d.cfg.(Forks); ok {
		for _, t := range f.Tails() {
			plans = append(plans, t.behind())
		}
	}
	return plans
}

// Has reports whether a stage of the plan, or of a branch in it, has a trait.
func (p *Plan) Has(t Trait) bool {
	for i := range p.stages {
		if p.stages[i].has(t) {
			return true
		}
		for _, tail := range p.stages[i].tails() {
			if tail.Has(t) {
				return true
			}
		}
	}
	return false
}

// Has reports whether a stage of the branch has a trait.
func (t *Tail[T]) Has(trait Trait) bool { return t.behind().Has(trait) }
