package pipeline

import (
	"fmt"
	"log/slog"
	"reflect"
	"time"
)

// Settings is what the code gives a stage, as its config is what the user gives.
type Settings struct {
	Pipeline string
	Stream   string // path of the stream that this run is for
	Stage    string // name of the stage as declared
	Log      *slog.Logger
	Clock    Clock
	Mode     Mode       // who starts the pipeline's recordings
	For      Publishers // that the run is for
	After    *Ended     // how the run before this one ended, nil for the first
	Kept     *Kept      // what it left, and what this one leaves
	services *Services
	base     *slog.Logger // Log without the attributes that say where it is
}

// NewSettings are those of one stage of one run: what Build gives a constructor,
// and a test of a stage alone.
func NewSettings(env Env, pipeline, stream, stage string) Settings {
	return Settings{
		Pipeline: pipeline, Stream: stream, Stage: stage,
		Log:   env.Log.With("pipeline", pipeline, "stream", stream, "stage", stage),
		Clock: env.Clock, Mode: env.Mode, For: env.For, Kept: env.Kept, services: env.Services, base: env.Log,
	}
}

// Ended is how a run ended.
type Ended struct {
	Reason  string
	Err     error
	At      time.Time
	Written time.Time // wall clock up to which a run of the same pipeline and stream has written media; zero where none has
}

// Services are the shared parts of the process that stages may ask for, by type:
// the hub, the media pool, the catalogue's journal.
//
// They are provided before the first build and not changed after it.
type Services struct{ byType map[reflect.Type]any }

// Provide adds a service under its static type T.
func Provide[T any](s *Services, service T) {
	if s.byType == nil {
		s.byType = map[reflect.Type]any{}
	}
	s.byType[reflect.TypeFor[T]()] = service
}

// Use is the service of type T. A stage's constructor asks for what it needs,
// so that a missing part is found when the pipeline is built.
func Use[T any](set Settings) (T, error) {
	var zero T
	if set.services == nil {
		return zero, fmt.Errorf("no %v here: the program provides no services", reflect.TypeFor[T]())
	}
	v, ok := set.services.byType[reflect.TypeFor[T]()]
	if !ok {
		return zero, fmt.Errorf("no %v here: the program does not provide it", reflect.TypeFor[T]())
	}
	return v.(T), nil
}
