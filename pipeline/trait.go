package pipeline

// Trait is a property that a stage declares when it is registered, besides its element types. Plan.CheckMode
// checks a list of stages by their traits. A pipeline without a stage that MakesFiles refuses triggers
// (ErrNoEvents). A pipeline without a stage that Catalogues has no rows of its events.
type Trait uint8

// The traits. Earlier and later stages are those before and after the stage in the flow of the elements.
const (
	// HoldsForEvents: in mode event, the stage holds media back until a trigger.
	HoldsForEvents Trait = iota + 1
	// CompletesEvents: the stage sets the interval of events that earlier stages raise.
	CompletesEvents
	// RaisesEvents: the stage emits detections, to which a later stage gives an interval.
	RaisesEvents
	// GivesKeyFrames: the stage emits only key frames.
	GivesKeyFrames
	// NeedsEveryPicture: the stage does not work on key frames alone.
	NeedsEveryPicture
	// MakesFiles: the stage writes its elements to files.
	MakesFiles
	// Catalogues: the stage writes rows for its elements to the catalogue.
	Catalogues
	// ReadInPlace: clients can read the access units of the source themselves. An output needs such a source.
	ReadInPlace
)

// Forks is the config of a stage that has branches, such as tee.
type Forks interface {
	// Tails returns the branches in their order. A branch that did not compile is nil.
	Tails() []AnyTail
}

// AnyTail is a Tail of any element type. behind returns the stages of the Tail as a Plan, without the source that
// stands for the feeder.
type AnyTail interface{ behind() *Plan }

func (t *Tail[T]) behind() *Plan {
	if t == nil {
		return &Plan{}
	}
	return &Plan{Name: t.plan.Name, stages: t.plan.stages[1:]}
}

// tails returns the stages of each branch that the declared stage d feeds, as a Plan. The Plan of a branch that did
// not compile has no stages.
func (d *declared) tails() (plans []*Plan) {
	if f, ok := d.cfg.(Forks); ok {
		for _, t := range f.Tails() {
			plans = append(plans, t.behind())
		}
	}
	return plans
}

// Has reports whether a stage of the plan, or of one of its branches, has the trait t.
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

// Has reports whether a stage of the branch has the trait.
func (t *Tail[T]) Has(trait Trait) bool { return t.behind().Has(trait) }
