package pipeline

import (
	"context"
	"reflect"
	"slices"

	"github.com/gospool/spool/pipeline/config"
)

// Tail is a checked list of stages that a stage outside the list, the feeder, feeds: a branch as it is declared. The
// first stage of the list takes elements of type T, and the last is a sink. A stage that has such lists in its
// settings makes the Tails with CompileTail when its settings are checked, and runs each Tail as a Branch.
type Tail[T any] struct{ plan *Plan }

// CompileTail checks a list of stages as Compile does. The stage with the name feeder feeds the list with
// elements of type T.
func CompileTail[T any](feeder string, stages *config.Node) (*Tail[T], config.Problems) {
	if stages == nil || !stages.IsList || len(stages.List) == 0 {
		var problems config.Problems
		problems.Add(stages, "write for example: stages: [segmenter: {}, mp4: {}, metadata: {}]", "a branch needs a list of stages")
		return nil, problems
	}
	p := &Plan{}
	complete, problems := p.read(stages)
	if complete {
		p.stages = slices.Insert(p.stages, 0, declared{stage: feed(feeder, reflect.TypeFor[T](), nil)})
		list := *stages
		list.List = slices.Insert(slices.Clone(stages.List), 0, stages)
		problems = append(problems, p.checkOrder(&list)...)
	}
	if len(problems) > 0 {
		return nil, problems
	}
	return &Tail[T]{plan: p}, nil
}

// String returns the names of the stages with arrows between them.
func (t *Tail[T]) String() string {
	shown := Plan{stages: t.plan.stages[1:]}
	return shown.String()
}

// feed returns a source that emits elements which a stage outside the list, the feeder, provides: run waits for each
// and emits it. The source has the feeder's name and emits elements of type out.
func feed(name string, out reflect.Type, run func(context.Context, emitAny) error) *stage {
	return &stage{
		StageInfo: StageInfo{Name: name, Kind: KindSource, Out: out},
		build:     func(Settings, any) (built, error) { return built{source: run}, nil },
	}
}
