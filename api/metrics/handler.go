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

// Config is what a scrape is made from. All functions are called from several goroutines.
type Config struct {
	Version    string
	MaxStreams int           // with series of their own; 0: all
	KeepGone   time.Duration // for which the series of a stream that is gone stay; 0: DefaultKeepGone
	Clock      pipeline.Clock

	Streams  Streams
	Recorder Recorder
	Problems func(context.Context) []pipeline.Problem // what is wrong now
	More     []prometheus.Collector                   // of the program
}

// Streams lists what is live and what is configured.
type Streams interface {
	List() []media.StreamInfo // by path
	Problems(path string) []pipeline.Problem
}

// Recorder tells what is recorded.
type Recorder interface {
	Stream(path string) (recorder.StreamStatus, bool)
	Recording() []string // streams that are recorded or armed, in order
}

// DefaultKeepGone is longer than some scrapes.
const DefaultKeepGone = 5 * time.Minute

// Others is the stream under which those are summed that have no series of their own. No
// stream can have this path.
const Others = "/others"

// scrapes at once; more are told to come back.
const scrapes = 4

// New makes the handler of /metrics, on a registry of its own.
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
