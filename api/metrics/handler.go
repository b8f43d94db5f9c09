package metrics

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
)

// Config holds the settings and the sources of the metrics. The sources must be safe for concurrent
// use.
type Config struct {
	Version    string        // version of the program, a label of spool_build_info
	MaxStreams int           // number of streams with series of their own; 0: all
	KeepGone   time.Duration // time for which the series of a gone stream stay; 0: DefaultKeepGone
	Clock      pipeline.Clock

	Streams  Streams
	Recorder Recorder
	Problems func(context.Context) []pipeline.Problem // lists the present problems
	More     []prometheus.Collector                   // further collectors, which the handler registers
}

// Streams lists the live and the configured streams.
type Streams interface {
	List() []media.StreamInfo                // all streams, sorted by path
	Problems(path string) []pipeline.Problem // the present problems of one stream
}

// Recorder reports the recordings of streams. api.Recorder describes the methods.
type Recorder interface {
	Stream(path string) (recorder.StreamStatus, bool)
	Recording() []string
}

// DefaultKeepGone is the default of Config.KeepGone: several usual scrape intervals, so that the last
// values of a gone stream are scraped.
const DefaultKeepGone = 5 * time.Minute

// Others is the value of the label stream for the sums of all streams without series of their own. No
// stream can have this path.
const Others = "/others"

// scrapes bounds the number of scrapes at the same time; a further scrape gets an error.
const scrapes = 4

// New returns the handler of /metrics. It registers all collectors in a registry of its own; its error
// is that of a collector in Config.More that cannot be registered.
func New(cfg Config) (http.Handler, error) {
	cfg.KeepGone = cmp.Or(cfg.KeepGone, DefaultKeepGone)
	reg := prometheus.NewRegistry()
	all := append([]prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&figures{cfg: cfg, known: map[string]*stream{}, others: newStream("", cfg.Clock.Now())},
	}, cfg.More...)
	for _, c := range all {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
	}
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: scrapes,
	}), nil
}
