package metrics

import (
	"context"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// figures is the collector of the metrics of streams and recordings.
type figures struct {
	cfg Config

	mu     sync.Mutex         // held during a scrape; guards the fields below
	known  map[string]*stream // the present streams, and gone streams that keep their series, by path
	own    int                // number of streams in known with series of their own
	others *stream            // the sums of the streams without series of their own
}

// desc returns the description of a metric; name lacks the prefix spool_.
func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("spool_"+name, help, labels, nil)
}

var (
	buildInfo    = desc("build_info", "Always 1.", "version")
	summed       = desc("streams_without_series", "Streams that have no figures of their own, and are summed under the stream /others: see memory.max_series.")
	streamLive   = desc("stream_live", "1 while media arrives for the stream.", "stream")
	streamBytes  = desc("stream_bytes_total", "Bytes of media received.", "stream")
	streamUnits  = desc("stream_access_units_total", "Access units received.", "stream")
	streamUsers  = desc("stream_subscribers", "Pipelines that take the stream.", "stream")
	pullFailed   = desc("stream_pull_failures_total", "How often the connection to where a stream is pulled from failed or ended.", "stream")
	repaired     = desc("stream_repairs_total", "Pictures, NAL units, packets or reports that were put right in a stream, by cause: no picture was lost by it.", "stream", "cause")
	wrong        = desc("stream_problems", "Problems of a stream that are under way, by their word.", "stream", "problem")
	lost         = desc("dropped_access_units_total", "Access units left out, by cause.", "stream", "stage", "cause")
	lostBytes    = desc("dropped_bytes_total", "Bytes left out, by cause.", "stream", "stage", "cause")
	recActive    = desc("recording_active", "1 while a file grows.", "stream")
	recBytes     = desc("recording_bytes_total", "Bytes written.", "stream")
	recUnits     = desc("recording_access_units_total", "Access units written.", "stream")
	recSegments  = desc("recording_segments_total", "Files begun.", "stream")
	recGaps      = desc("recording_gaps_total", "Gaps in what was recorded.", "stream")
	recDurable   = desc("recording_durable_age_seconds", "Seconds since the last access unit that a power cut cannot lose; of several streams the most.", "stream")
	ringBytes    = desc("ring_bytes", "Bytes held in the ring.", "stream")
	ringMaxBytes = desc("ring_max_bytes", "Bytes that the ring may hold.", "stream")
	problemNow   = desc("problem", "1 for each thing that is wrong now: see GET /mp4/health.", "problem", "stream")
	ringSeconds  = desc("ring_seconds", "Seconds of media held in the ring.", "stream")
)

// Describe sends the descriptions of all metrics of figures; see prometheus.Collector.
func (f *figures) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{buildInfo, summed, streamLive, streamBytes, streamUnits, streamUsers, pullFailed, repaired, wrong, lost, lostBytes,
		recActive, recBytes, recUnits, recSegments, recGaps, recDurable, ringBytes, ringMaxBytes, ringSeconds, problemNow} {
		ch <- d
	}
}

// Collect sends the metrics of one scrape; see prometheus.Collector.
func (f *figures) Collect(ch chan<- prometheus.Metric) {
	f.mu.Lock()
	defer f.mu.Unlock()
	put(ch, buildInfo, prometheus.GaugeValue, 1, f.cfg.Version)
	list := f.cfg.Streams.List()
	info := make(map[string]*media.StreamInfo, len(list))
	for i := range list {
		info[list[i].Path] = &list[i]
	}
	for _, path := range f.cfg.Recorder.Recording() {
		if info[path] == nil {
			info[path] = nil // the hub does not list the stream, which may wait for its publisher
		}
	}
	f.others.begin()
	f.divide(info)
	for path, st := range info {
		s := f.known[path]
		s.begin()
		if st != nil {
			s.stream(st, f.cfg.Streams.Problems(path))
		}
		if status, ok := f.cfg.Recorder.Stream(path); ok {
			s.recording(&status, f.cfg.Clock.Now())
		}
		if s.settle(); !s.own {
			f.others.join(s)
		}
	}
	for path, s := range f.known {
		if s.own {
			s.send(ch, path)
		}
	}
	if len(f.known) > f.own || len(f.others.totals) > 0 {
		f.others.send(ch, Others)
	}
	put(ch, summed, prometheus.GaugeValue, float64(len(f.known)-f.own))
	f.problems(ch)
}

// problems sends a metric for each kind of problem of each stream, once even if several tracks have
// it. Problems of streams without series of their own are counted under Others.
func (f *figures) problems(ch chan<- prometheus.Metric) {
	words := map[[2]string]bool{}
	others := map[string]int{}
	further := map[string]bool{} // streams that f.known lacks but that get a series here
	for _, p := range f.cfg.Problems(context.Background()) {
		k := [2]string{p.Problem, p.Stream}
		if words[k] {
			continue
		}
		words[k] = true
		s := f.known[p.Stream]
		own := p.Stream == "" || s != nil && s.own || further[p.Stream]
		if s == nil && !own && (f.cfg.MaxStreams == 0 || f.own+len(further) < f.cfg.MaxStreams) {
			own, further[p.Stream] = true, true
		}
		if !own {
			others[p.Problem]++
			continue
		}
		put(ch, problemNow, prometheus.GaugeValue, 1, p.Problem, p.Stream)
	}
	for word, n := range others {
		put(ch, problemNow, prometheus.GaugeValue, float64(n), word, Others)
	}
}

// put sends one value of a metric.
func put(ch chan<- prometheus.Metric, d *prometheus.Desc, t prometheus.ValueType, v float64, labels ...string) {
	m, err := prometheus.NewConstMetric(d, t, v, labels...)
	if err != nil { // the value of a label is not UTF-8
		m = prometheus.NewInvalidMetric(d, err)
	}
	ch <- m
}

// number returns 1 for true and 0 for false.
func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// drops sums drops by stage name and cause, because a pipeline may have two stages of one name.
func drops(list []pipeline.Drop) map[[2]string]pipeline.Drop {
	sum := make(map[[2]string]pipeline.Drop, len(list))
	for _, d := range list {
		k := [2]string{d.Stage, d.Cause}
		d.AccessUnits += sum[k].AccessUnits
		d.Bytes += sum[k].Bytes
		sum[k] = d
	}
	return sum
}
