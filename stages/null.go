package stages

import (
	"context"

	"github.com/gospool/spool/pipeline"
)

// NullConfig has no settings.
type NullConfig struct{}

func init() {
	pipeline.RegisterSink("null", NullConfig{},
		"Discards all elements: the end of a pipeline whose files are not in the catalogue, or that is only measured.",
		func(pipeline.Settings, NullConfig) (pipeline.Sink[any], error) { return null{}, nil })
}

// null discards any element.
type null struct{}

// Consume releases an element that owns memory.
func (null) Consume(_ context.Context, el any) error {
	if r, ok := el.(pipeline.Releaser); ok {
		r.Release()
	}
	return nil
}

func (null) Flush(context.Context) error { return nil }
