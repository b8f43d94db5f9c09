package api

import (
	"context"
	"log/slog"
	"os"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/prometheus/client_golang/prometheus"
)

// Deps are the dependencies of the server. All methods are called from many goroutines at once. An
// error for the client is an *Error; any other error is logged and hidden.
type Deps struct {
	Log       *slog.Logger
	Clock     pipeline.Clock // nil: SystemClock
	Recorder  Recorder
	Streams   Streams
	Seen      Remembered // nil: only present streams are listed
	Catalogue Catalogue
	Files     playback.Files
	Lists     func(ctx context.Context, f *os.File, name string) error // NotFound when the catalogue has no such file; nil: every file is served
	Belongs   func(f *os.File, name string, id media.ID) error         // Conflict when the file belongs to another recording
	Events    Events                                                   // nil: no events are recorded
	Schedule  Schedule                                                 // nil: no jobs
	Pipelines Pipelines                                                // nil: none are listed, and none can be changed
	Retention Retention                                                // nil: not running

	// OpenConnections lists the connections of publishing clients, sorted by protocol and number.
	// nil: none.
	OpenConnections func() []media.Connection
	PublishTo       func() []PublishAddress // addresses to publish streams to; nil: none

	Ready   func(context.Context) []Check            // the checks of /readyz; nil: always ready
	Health  func(context.Context) []pipeline.Problem // present problems; nil: none
	Metrics []prometheus.Collector                   // further metrics: write and fsync times, journal lag, disk
	SignIns *auth.Failures                           // counts failed sign-ins; nil: they are not counted
}

// PublishAddress is an address of an ingest server.
type PublishAddress struct {
	Scheme string `json:"scheme" doc:"scheme of the URL to publish to"`
	Host   string `json:"host,omitempty" doc:"the only address that accepts streams; absent: any address of the machine, including that of this request"`
	Port   int    `json:"port"`
}

// Recorder starts and stops recordings.
type Recorder interface {
	// Start begins to record a stream. already reports whether it was already being recorded or
	// armed. NotFound: the stream is neither live nor configured and Wait is not set.
	Start(ctx context.Context, stream string, o recorder.StartOptions) (already bool, err error)
	// Stop ends a recording and returns once its file is finished. was reports whether a recording
	// was running. The end of ctx ends the wait, not the stop.
	Stop(ctx context.Context, stream string) (was bool, err error)
	// Stream returns the status of a stream's recording, false for an unknown stream that was never
	// recorded.
	Stream(path string) (recorder.StreamStatus, bool)
	// Recording lists the streams that are being recorded or armed.
	Recording() []string
}

// Streams lists the live and the configured streams.
type Streams interface {
	Paths() []string          // sorted
	List() []media.StreamInfo // by path
	Info(path string) (info media.StreamInfo, known bool)
	Problems(path string) []pipeline.Problem // present problems of a stream
}

// Remembered lists the streams that were present at some time.
type Remembered interface {
	Remembered() []media.StreamInfo // by path, including present ones; State and LastAccessUnit are set
	Seen(path string) bool
	Forget(path string) (was bool)
}

// Catalogue reads and changes the recordings.
type Catalogue interface {
	Records(ctx context.Context, q media.Query) (media.Page, error)
	// Record returns a recording, or NotFound.
	Record(ctx context.Context, id media.ID) (media.Record, error)
	SetProtected(ctx context.Context, id media.ID, protected bool) (media.Record, error)
	// Delete deletes file and row, in an order that survives a crash. The caller has checked that
	// the recording is neither protected, being written nor being read.
	Delete(ctx context.Context, id media.ID) error
}

// Check is the result of one readiness check.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty" doc:"the reason when ok is false"`
}
