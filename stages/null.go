package stages

import (
	"context"

	"github.com/gospool/spool/pipeline"
)

// NullConfig has no settings.
type NullConfig struct{}

func init() {
	pipeline.RegisterSink("null", NullConfig{},
		"Forgets whatever comes: the end of a pipeline whose files are in no catalogue, or of one that is only measured.",
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
