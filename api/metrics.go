package api

import (
	"context"
	"fmt"
	"net/http"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// scrapes at once; more are told to come back.
const scrapes = 4

// newScrape makes /metrics on a registry of its own.
func (s *Server) newScrape() (http.Handler, error) {
	reg := prometheus.NewRegistry()
	all := append([]prometheus.Collector{
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		&figures{s},
	}, s.deps.Metrics...)
	for _, c := range all {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("metrics: %w", err)
		}
	}
	return promhttp.HandlerFor(reg, promhttp.HandlerOpts{
		ErrorHandling: promhttp.ContinueOnError, MaxRequestsInFlight: scrapes,
	}), nil
}

// figures reads what streams and recordings say about themselves, when asked.
type figures struct{ s *Server }

func desc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("spool_"+name, help, labels, nil)
}

var (
	buildInfo    = desc("build_info", "Always 1.", "version")
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
	recBytes     = desc("recording_bytes_total", "Bytes written in this run.", "stream")
	recUnits     = desc("recording_access_units_total", "Access units written in this run.", "stream")
	recSegments  = desc("recording_segments_total", "Files begun in this run.", "stream")
	recGaps      = desc("recording_gaps_total", "Gaps in this run.", "stream")
	recDurable   = desc("recording_durable_age_seconds", "Seconds since the last access unit that a power cut cannot lose.", "stream")
	ringBytes    = desc("ring_bytes", "Bytes held in the ring.", "stream")
	ringMaxBytes = desc("ring_max_bytes", "Bytes that the ring may hold.", "stream")
	problemNow   = desc("problem", "1 for each thing that is wrong now: see GET /mp4/health.", "problem", "stream")
	ringSeconds  = desc("ring_seconds", "Seconds of media held in the ring.", "stream")
)

// Describe sends the descriptions; implements prometheus.Collector.
func (f *figures) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{buildInfo, streamLive, streamBytes, streamUnits, streamUsers, pullFailed, repaired, wrong, lost, lostBytes,
		recActive, recBytes, recUnits, recSegments, recGaps, recDurable, ringBytes, ringMaxBytes, ringSeconds, problemNow} {
		ch <- d
	}
}

// Collect sends the figures of one scrape; implements prometheus.Collector.
func (f *figures) Collect(ch chan<- prometheus.Metric) {
	put(ch, buildInfo, prometheus.GaugeValue, 1, f.s.cfg.Version)
	drops := losses{}
	seen := map[string]bool{}
	for _, st := range f.s.deps.Streams.List() {
		seen[st.Path] = true
		f.stream(ch, &st, f.s.deps.Streams.Problems(st.Path))
		drops.add(st.Path, ingestDrops(st.Losses))
		f.recording(ch, st.Path, drops)
	}
	for _, path := range f.s.deps.Recorder.Recording() {
		if !seen[path] {
			f.recording(ch, path, drops)
		}
	}
	f.problems(ch)
	for k, d := range drops {
		put(ch, lost, prometheus.CounterValue, float64(d.AccessUnits), k.stream, k.stage, k.cause)
		put(ch, lostBytes, prometheus.CounterValue, float64(d.Bytes), k.stream, k.stage, k.cause)
	}
}

// problems sends each word once a stream, though several tracks may have it.
func (f *figures) problems(ch chan<- prometheus.Metric) {
	sent := map[[2]string]bool{}
	for _, p := range f.s.wrong(context.Background()) {
		if k := [2]string{p.Problem, p.Stream}; !sent[k] {
			sent[k] = true
			put(ch, problemNow, prometheus.GaugeValue, 1, p.Problem, p.Stream)
		}
	}
}

func (f *figures) stream(ch chan<- prometheus.Metric, st *media.StreamInfo, wrongNow []pipeline.Problem) {
	put(ch, streamLive, prometheus.GaugeValue, number(st.State == "live"), st.Path)
	put(ch, streamBytes, prometheus.CounterValue, float64(st.Bytes), st.Path)
	put(ch, streamUnits, prometheus.CounterValue, float64(st.AccessUnits), st.Path)
	put(ch, streamUsers, prometheus.GaugeValue, float64(st.Subscribers), st.Path)
	if st.Pull != "" {
		put(ch, pullFailed, prometheus.CounterValue, float64(st.PullFailed), st.Path)
	}
	for _, r := range st.Repairs {
		put(ch, repaired, prometheus.CounterValue, float64(r.Count), st.Path, r.Cause)
	}
	problems := map[string]int{"nothing_kept": 0} // so that an alert sees it end
	for _, p := range wrongNow {
		problems[p.Problem]++
	}
	for word, n := range problems {
		put(ch, wrong, prometheus.GaugeValue, float64(n), st.Path, word)
	}
}

func (f *figures) recording(ch chan<- prometheus.Metric, path string, drops losses) {
	st, ok := f.s.deps.Recorder.Stream(path)
	if !ok {
		return
	}
	rep := &st.Report
	drops.add(path, rep.Drops)
	put(ch, recActive, prometheus.GaugeValue, number(rep.Recording), path)
	put(ch, recBytes, prometheus.CounterValue, float64(rep.TotalBytes), path)
	put(ch, recUnits, prometheus.CounterValue, float64(rep.AccessUnits), path)
	put(ch, recSegments, prometheus.CounterValue, float64(rep.Segments), path)
	put(ch, recGaps, prometheus.CounterValue, float64(rep.Gaps), path)
	put(ch, ringBytes, prometheus.GaugeValue, float64(rep.RingBytes), path)
	put(ch, ringMaxBytes, prometheus.GaugeValue, float64(rep.RingMaxBytes), path)
	put(ch, ringSeconds, prometheus.GaugeValue, rep.RingSpan.Seconds(), path)
	if rep.Recording && !rep.LastDurable.IsZero() {
		put(ch, recDurable, prometheus.GaugeValue, f.s.deps.Clock.Now().Sub(rep.LastDurable).Seconds(), path)
	}
}

// losses sums drops: two stages may count under one name.
type losses map[lossKey]pipeline.Drop

type lossKey struct{ stream, stage, cause string }

func (l losses) add(stream string, drops []pipeline.Drop) {
	for _, d := range drops {
		k := lossKey{stream, d.Stage, d.Cause}
		sum := l[k]
		sum.AccessUnits += d.AccessUnits
		sum.Bytes += d.Bytes
		l[k] = sum
	}
}

func put(ch chan<- prometheus.Metric, d *prometheus.Desc, t prometheus.ValueType, v float64, labels ...string) {
	m, err := prometheus.NewConstMetric(d, t, v, labels...)
	if err != nil { // a label that is not UTF-8
		m = prometheus.NewInvalidMetric(d, err)
	}
	ch <- m
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
