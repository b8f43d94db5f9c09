package pipeline

import (
	"log/slog"
	"time"
)

// Settings are the values that the framework passes to a stage's constructor, besides the config that the user
// declares.
type Settings struct {
	Pipeline string
	Stream   string // path of the stream of this run
	Stage    string // name of the stage in the declaration
	Log      *slog.Logger
	Clock    Clock
	Mode     Mode       // mode of the pipeline
	For      Publishers // publishers whose media the run records
	After    *Ended     // end of the previous run; nil for the first
	Handover *Handover  // objects that the previous run has left; the stage leaves its own there
	services *Services
	base     *slog.Logger // Log without the attributes pipeline, stream and stage
}

// NewSettings returns the settings of one stage of one run. Plan.Build passes them to the constructor, and so
// does a test of a single stage.
func NewSettings(env Env, pipeline, stream, stage string) Settings {
	return Settings{
		Pipeline: pipeline, Stream: stream, Stage: stage,
		Log:   env.Log.With("pipeline", pipeline, "stream", stream, "stage", stage),
		Clock: env.Clock, Mode: env.Mode, For: env.For, Handover: env.Handover, services: env.Services, base: env.Log,
	}
}

// Ended describes the end of the previous run of a pipeline on a stream.
type Ended struct {
	Reason string
	Err    error
	At     time.Time
	// Written is the wall clock up to which the runs so far have written media; zero if none has written any.
	Written time.Time
}

// Behind returns e, the end of a run, for the next run. If e's run has written no media, the result has the Written
// of before, the end of the run before it. before is nil if e's run was the first.
func (e Ended) Behind(before *Ended) *Ended {
	if e.Written.IsZero() && before != nil {
		e.Written = before.Written
	}
	return &e
}
