package pipeline

import (
	"log/slog"
	"time"
)

// Settings are the values that the framework passes to the constructor of a stage, beside the
// config from the user.
type Settings struct {
	Pipeline string
	Stream   string // path of the stream of this run
	Stage    string // name of the stage as declared
	Log      *slog.Logger
	Clock    Clock
	Mode     Mode       // mode of the pipeline
	For      Publishers // whose media the run takes
	After    *Ended     // end of the previous run, nil for the first
	Handover *Handover  // objects that the previous run left, and that this run leaves
	services *Services
	base     *slog.Logger // Log without the attributes pipeline, stream and stage
}

// NewSettings returns the settings of one stage of one run: Build passes them to a constructor, and
// so does a test of a single stage.
func NewSettings(env Env, pipeline, stream, stage string) Settings {
	return Settings{
		Pipeline: pipeline, Stream: stream, Stage: stage,
		Log:   env.Log.With("pipeline", pipeline, "stream", stream, "stage", stage),
		Clock: env.Clock, Mode: env.Mode, For: env.For, Handover: env.Handover, services: env.Services, base: env.Log,
	}
}

// Ended describes the end of a run.
type Ended struct {
	Reason  string
	Err     error
	At      time.Time
	Written time.Time // wall clock up to which runs of the same pipeline and stream have written media; zero if none has
}

// Behind returns the end of a run that followed another run. The other run's Written holds if this
// one failed before it wrote anything.
func (e Ended) Behind(before *Ended) *Ended {
	if e.Written.IsZero() && before != nil {
		e.Written = before.Written
	}
	return &e
}
