package pipeline

import (
	"log/slog"
	"time"
)

// Settings come to a stage from the code, as its config comes from the user.
type Settings struct {
	Pipeline string
	Stream   string // path of the stream that this run is for
	Stage    string // name of the stage as declared
	Log      *slog.Logger
	Clock    Clock
	Mode     Mode       // who starts the pipeline's recordings
	For      Publishers // that the run is for
	After    *Ended     // how the run before this one ended, nil for the first
	Handover *Handover  // what it left, and what this one leaves
	services *Services
	base     *slog.Logger // Log without the attributes that say where it is
}

// NewSettings returns those of one stage of one run: what Build gives a constructor,
// and a test of a stage alone.
func NewSettings(env Env, pipeline, stream, stage string) Settings {
	return Settings{
		Pipeline: pipeline, Stream: stream, Stage: stage,
		Log:   env.Log.With("pipeline", pipeline, "stream", stream, "stage", stage),
		Clock: env.Clock, Mode: env.Mode, For: env.For, Handover: env.Handover, services: env.Services, base: env.Log,
	}
}

// Ended is how a run ended.
type Ended struct {
	Reason  string
	Err     error
	At      time.Time
	Written time.Time // wall clock up to which a run of the same pipeline and stream has written media; zero where none has
}

// Behind returns the end of a run that came after another one. What that one has written
// counts where this one failed before it wrote anything.
func (e Ended) Behind(before *Ended) *Ended {
	if e.Written.IsZero() && before != nil {
		e.Written = before.Written
	}
	return &e
}
