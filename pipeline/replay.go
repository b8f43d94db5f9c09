package pipeline

import (
	"context"
	"reflect"
	"slices"

	"github.com/gospool/spool/pipeline/endcause"
)

// Replay passes elements of type T, which an earlier process made, to the first stage of the plan that takes this
// type, and so to the stages after it. An example are recordings whose process ended before the catalogue had
// them. The elements own no counted memory. Replay waits until the stages have consumed the elements, or until ctx
// ends, and returns true with the error of the run. It returns false and nil if no stage takes elements of type T.
func Replay[T any](ctx context.Context, plan *Plan, env Env, stream string, elements ...T) (bool, error) {
	of := reflect.TypeFor[T]()
	from := slices.IndexFunc(plan.stages, func(d declared) bool { return d.In == of })
	if from < 1 {
		return false, nil
	}
	source := func(_ context.Context, emit emitAny) error {
		for _, el := range elements {
			if err := emit(el); err != nil {
				return err
			}
		}
		return End(endcause.Replayed)
	}
	behind := &Plan{Name: plan.Name, stages: slices.Clone(plan.stages[from-1:])}
	behind.stages[0] = declared{stage: feed(plan.stages[from-1].Name, of, source)}
	run, err := behind.Build(env, stream, nil)
	if err == nil {
		err = run.Start(ctx)
	}
	if err != nil {
		return true, err
	}
	select {
	case <-run.Done():
	case <-ctx.Done():
		run.Abort(context.Cause(ctx))
		<-run.Done()
	}
	return true, run.Err()
}
