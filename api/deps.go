package api

import (
	"context"
	"log/slog"
	"os"

	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/api/export"
	"github.com/gospool/spool/api/export/bundle"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/prometheus/client_golang/prometheus"
)

// Deps holds the dependencies of the server. Their functions and methods must be safe for
// concurrent use. The client sees the text of a returned *Error, and the config.Problems of
// Pipelines. Any other error is logged, and the client sees only its number in the log.
type Deps struct {
	Log       *slog.Logger
	Clock     pipeline.Clock // nil: pipeline.SystemClock
	Recorder  Recorder
	Streams   Streams
	Seen      Remembered // nil: offline streams are not listed
	Catalogue Catalogue
	Files     playback.Files
	Readers   *playback.Readers // of files, which are not deleted meanwhile; nil: those of the API alone
	Clips     *clip.Library     // opens recordings sample by sample, for playback of spans of time; nil: such requests get 503
	// Exports makes the store of exports, whose source is given. nil, or without Clips: requests for exports get 503.
	Exports func(bundle.Source) *export.Store
	// Lists returns NotFound for a finished file f, with this name below the record directory, that
	// is not in the catalogue. nil: every file is served. Its consent counts for a second: see playback.Checked.
	Lists func(ctx context.Context, f *os.File, name string) error
	// Belongs returns Conflict for a file that belongs to another recording than id. nil: not checked.
	Belongs   func(f *os.File, name string, id media.ID) error
	Events    Events    // nil: no events are recorded
	Schedule  Schedule  // nil: no jobs
	Pipelines Pipelines // nil: no pipeline is listed, and none can be changed
	Retention Retention // nil: requests for the retention plan get 503

	Live      Live                    // nil: requests for live streams get 503
	Peers     Peers                   // nil: requests of WHIP and WHEP get 503
	Clients   Connections             // nil: no connection is listed
	PublishTo func() []PublishAddress // addresses to publish streams to; nil: the list is empty

	Ready   func(context.Context) []Check            // runs the checks of /readyz; nil: always ready
	Health  func(context.Context) []pipeline.Problem // lists the present problems; nil: the list is empty
	Metrics []prometheus.Collector                   // further metrics for /metrics, such as the lag of the journal
	SignIns *auth.Failures                           // counts failed sign-ins; nil: they are not counted
}

// PublishAddress is the address of an ingest server in the parts of a URL.
type PublishAddress struct {
	Scheme string `json:"scheme" doc:"scheme of the URL to publish to"`
	Host   string `json:"host,omitempty" doc:"the only address that accepts streams; absent: any address of the machine, including that of this request"`
	Port   int    `json:"port"`
}

// Recorder starts and stops recordings.
type Recorder interface {
	// Start begins to record a stream. already reports whether the stream was being recorded, or
	// armed, before. The error is NotFound if no pipeline covers the stream, or if the stream is
	// neither live nor configured and o.Wait is not set. It is Conflict if clients have stopped all
	// pipelines of the stream (see Pipelines.Stop), or if no further stream may be armed.
	Start(ctx context.Context, stream string, o recorder.StartOptions) (already bool, err error)
	// Stop ends the recording of a stream and returns when its file is finished. was reports
	// whether the stream was being recorded or armed. When ctx ends, Stop returns, and the file is
	// finished nevertheless.
	Stop(ctx context.Context, stream string) (was bool, err error)
	// Stream returns the status of a stream's recording. It returns false for a stream that is
	// neither live nor configured and was never recorded.
	Stream(path string) (recorder.StreamStatus, bool)
	// Recording lists the paths of the streams that are being recorded, or that a call of Start has
	// armed.
	Recording() []string
}

// Streams lists the live and the configured streams.
type Streams interface {
	Paths() []string          // the sorted paths of all streams
	List() []media.StreamInfo // all streams, sorted by path
	Info(path string) (info media.StreamInfo, known bool)
	Problems(path string) []pipeline.Problem // the present problems of one stream
}

// Remembered lists the streams that have had a publisher, in this run or an earlier one.
type Remembered interface {
	// Remembered lists the streams that have had a publisher, sorted by path, including those that
	// are live now. It sets only the fields Path, State and LastAccessUnit of each.
	Remembered() []media.StreamInfo
	// Seen reports whether a stream is in the list of Remembered.
	Seen(path string) bool
	// Forget removes a stream from the list of Remembered. It reports whether the stream was in it.
	Forget(path string) (was bool)
}

// Catalogue reads and changes the recordings.
type Catalogue interface {
	Records(ctx context.Context, q media.Query) (media.Page, error)
	// Record returns the recording with an ID. The error is NotFound for an unknown ID.
	Record(ctx context.Context, id media.ID) (media.Record, error)
	SetProtected(ctx context.Context, id media.ID, protected bool) (media.Record, error)
	// Delete deletes the file of a recording, then its row, so that a crash in between leaves no file
	// that the catalogue does not list. The caller has checked that the recording is neither
	// protected, being written nor being read.
	Delete(ctx context.Context, id media.ID) error
}

// Connections lists and ends the connections of clients that publish or read live streams.
type Connections interface {
	// Connections lists the open connections, sorted by protocol and number.
	Connections() []media.Connection
	// End closes the connection with a number among those of a protocol, and reports whether there
	// is one. It does not wait until the connection is closed.
	End(protocol string, number uint64) bool
}

// Check is the result of one readiness check.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty" doc:"the reason when ok is false"`
}
