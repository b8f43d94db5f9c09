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

// Deps is what the program hands in. All methods are called from many
// goroutines at once. An error that a client should see is an *Error; every
// other is logged and hidden.
type Deps struct {
	Log       *slog.Logger
	Clock     pipeline.Clock // SystemClock where nil
	Recorder  Recorder
	Streams   Streams
	Seen      Remembered // nil: only streams that are there are listed
	Catalogue Catalogue
	Files     playback.Files
	Lists     func(ctx context.Context, f *os.File, name string) error // NotFound where the catalogue has no such file; nil: every file is served
	Belongs   func(f *os.File, name string, id media.ID) error         // a Conflict where a file is not that of a recording
	Events    Events                                                   // nil: none are recorded
	Schedule  Schedule                                                 // nil: there are no jobs
	Pipelines Pipelines                                                // nil: none are shown, and nothing can be changed
	Retention Retention                                                // nil: there is none

	// OpenConnections lists those of clients that publish, or may: by protocol, then by
	// number. nil: there are none.
	OpenConnections func() []media.Connection
	PublishTo       func() []PublishAddress // where streams can be published to; nil: nowhere

	Ready   func(context.Context) []Check            // what /readyz asks; nil: always ready
	Health  func(context.Context) []pipeline.Problem // what is wrong now; nil: nothing is
	Metrics []prometheus.Collector                   // more for /metrics: write and fsync times, journal lag, disk
	SignIns *auth.Failures                           // counts those that fail; nil: they are not counted
}

// PublishAddress is where a server takes streams in.
type PublishAddress struct {
	Scheme string `json:"scheme" doc:"of the URL that a stream is published to"`
	Host   string `json:"host,omitempty" doc:"the one address at which streams are taken in; absent: any of the machine's, so also the one by which this answer was reached"`
	Port   int    `json:"port"`
}

// Recorder starts and stops recordings.
type Recorder interface {
	// Start begins to record a stream and says whether it was being recorded, or
	// armed, already. NotFound: the stream is neither live nor configured and
	// Wait is not set.
	Start(ctx context.Context, stream string, o recorder.StartOptions) (already bool, err error)
	// Stop ends a recording and returns once its file is finished; was says
	// whether there was one. The end of ctx ends the wait, not the stop.
	Stop(ctx context.Context, stream string) (was bool, err error)
	// Stream tells what is recorded of a stream; false: it is neither known nor was
	// recorded.
	Stream(path string) (recorder.StreamStatus, bool)
	// Recording lists the streams that are being recorded or armed.
	Recording() []string
}

// Streams lists what is live and what is configured.
type Streams interface {
	Paths() []string          // in order
	List() []media.StreamInfo // by path
	Info(path string) (info media.StreamInfo, known bool)
	Problems(path string) []pipeline.Problem // of a stream, under way now
}

// Remembered are the streams that were there once.
type Remembered interface {
	Remembered() []media.StreamInfo // by path, those that are there now among them; State and LastAccessUnit are set
	Seen(path string) bool
	Forget(path string) (was bool)
}

// Catalogue knows the recordings.
type Catalogue interface {
	Records(ctx context.Context, q media.Query) (media.Page, error)
	// Record finds one; NotFound where there is none.
	Record(ctx context.Context, id media.ID) (media.Record, error)
	SetProtected(ctx context.Context, id media.ID, protected bool) (media.Record, error)
	// Delete removes file and row, in an order that survives a crash. The caller
	// has seen that the record is neither protected, written nor read.
	Delete(ctx context.Context, id media.ID) error
}

// Check is one thing that must work before the service is ready.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty" doc:"why it is not"`
}
