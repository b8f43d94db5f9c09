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

// null is a sink that discards every element.
type null struct{}

// Consume releases the memory of an element that owns any.
func (null) Consume(_ context.Context, el any) error {
	if r, ok := el.(pipeline.Releaser); ok {
		r.Release()
	}
	return nil
}

func (null) Flush(context.Context) error { return nil }
