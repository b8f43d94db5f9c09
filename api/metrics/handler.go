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

// Config holds the sources of a scrape. All functions are called from several goroutines.
type Config struct {
	Version    string
	MaxStreams int           // with series of their own; 0: all
	KeepGone   time.Duration // how long the series of a gone stream stay; 0: DefaultKeepGone
	Clock      pipeline.Clock

	Streams  Streams
	Recorder Recorder
	Problems func(context.Context) []pipeline.Problem // present problems
	More     []prometheus.Collector                   // collectors of the program
}

// Streams lists the live and the configured streams.
type Streams interface {
	List() []media.StreamInfo // by path
	Problems(path string) []pipeline.Problem
}

// Recorder reports the recordings.
type Recorder interface {
	Stream(path string) (recorder.StreamStatus, bool)
	Recording() []string // recorded or armed streams, sorted
}

// DefaultKeepGone is longer than a few scrape intervals.
const DefaultKeepGone = 5 * time.Minute

// Others is the stream that sums the streams without series of their own. No stream can have this
// path.
const Others = "/others"

// scrapes bounds the concurrent scrapes; further ones get an error.
const scrapes = 4

// New returns the handler of /metrics, with its own registry.
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
