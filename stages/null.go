package stages

import (
	"context"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// NullConfig has no settings.
type NullConfig struct{}

func init() {
	pipeline.RegisterSink("null", NullConfig{},
		"Forgets every recording: the end of a pipeline whose files are in no catalogue.",
		func(pipeline.Settings, NullConfig) (pipeline.Sink[media.Recording], error) { return null{}, nil })
}

// null ends the flow. A recording owns no memory, so there is nothing to release.
type null struct{}

func (null) Consume(context.Context, media.Recording) error { return nil }

func (null) Flush(context.Context) error { return nil }
