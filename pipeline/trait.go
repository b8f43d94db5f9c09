package pipeline

// Trait is a property that a stage declares at registration, beside its types. Plan.CheckMode
// checks a list of stages against the mode of its pipeline by the traits. A pipeline without a stage
// that MakesFiles accepts no trigger (ErrNoEvents); without one that Catalogues, events have no rows.
type Trait uint8

// The traits.
const (
	// HoldsForEvents: in mode event the stage passes media only for a trigger.
	HoldsForEvents Trait = iota + 1
	// CompletesEvents: the stage sets the interval of events that earlier stages raise.
	CompletesEvents
	// RaisesEvents: the stage emits events whose interval a later stage sets.
	RaisesEvents
	// GivesKeyFrames: the stage emits only key frames.
	GivesKeyFrames
	// NeedsEveryPicture: the stage does not work on key frames alone.
	NeedsEveryPicture
	// MakesFiles: the stage records its elements in files.
	MakesFiles
	// Catalogues: the stage writes rows of its elements to the catalogue.
	Catalogues
)

// Forks is the config of a stage that declares branches.
type Forks interface {
	// Tails returns the branches in their order, nil for one that did not compile.
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
