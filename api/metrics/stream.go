package metrics

import (
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
)

// stream holds the figures of one stream, or of all streams without series of their own.
//
// Invariant: a total only grows. It is the sum of the growth of its source from scrape to scrape; a
// source below its previous value has restarted at 0.
type stream struct {
	path       string
	seen       time.Time // last scrape with the stream present
	own        bool      // it has series of its own
	configured bool
	isGone     bool

	totals map[key]float64    // counters
	added  map[key]float64    // growth in this scrape
	before map[source]float64 // previous values of the sources
	now    map[source]float64 // present values of the sources
	gauges map[key]float64
}

// key identifies a series of a stream.
type key struct {
	desc *prometheus.Desc
	a, b string // the labels behind the stream
}

// source identifies a source of a counter: each pipeline counts for itself.
type source struct {
	key
	pipeline string
}

func newStream(path string, now time.Time) *stream {
	return &stream{
		path: path, seen: now, totals: map[key]float64{}, added: map[key]float64{},
		before: map[source]float64{}, now: map[source]float64{}, gauges: map[key]float64{},
	}
}

// begin begins a scrape with the stream present.
func (s *stream) begin() {
	s.isGone = false
	clear(s.gauges)
	clear(s.added)
}

// gone marks the stream as gone: its gauges become 0.
func (s *stream) gone() {
	s.isGone = true
	clear(s.gauges)
	clear(s.before) // a returning stream restarts at 0
	for _, d := range []*prometheus.Desc{streamLive, streamUsers, recActive, ringBytes, ringSeconds} {
		s.gauge(d, 0)
	}
}

func (s *stream) gauge(d *prometheus.Desc, v float64, labels ...string) {
	s.gauges[keyOf(d, labels)] = v
}

// count records the value of a source.
func (s *stream) count(pipeline string, d *prometheus.Desc, v float64, labels ...string) {
	s.now[source{keyOf(d, labels), pipeline}] = v
}

func keyOf(d *prometheus.Desc, labels []string) key {
	k := key{desc: d}
	if len(labels) > 0 {
		k.a = labels[0]
	}
	if len(labels) > 1 {
		k.b = labels[1]
	}
	return k
}

// settle adds the growth of the sources. It keeps the value of a source that is missing in this
// scrape: the recorder may report another pipeline of the stream. The sources of one pipeline, or
// of the hub, restart together.
func (s *stream) settle() {
	anew := map[string]bool{}
	for src, v := range s.now {
		anew[src.pipeline] = anew[src.pipeline] || v < s.before[src]
	}
	maps.DeleteFunc(s.before, func(src source, _ float64) bool { return anew[src.pipeline] })
	for src, v := range s.now {
		grown := v - s.before[src]
		s.before[src] = v
		s.added[src.key] += grown
		if s.own {
			s.totals[src.key] += grown
		}
	}
	clear(s.now)
}

// join adds a stream without series of its own.
func (s *stream) join(o *stream) {
	for k, v := range o.added {
		s.totals[k] += v
	}
	for k, v := range o.gauges {
		if k.desc == recDurable {
			s.gauges[k] = max(s.gauges[k], v)
		} else {
			s.gauges[k] += v
		}
	}
}

// send sends the series under a name.
func (s *stream) send(ch chan<- prometheus.Metric, name string) {
	for k, v := range s.totals {
		put(ch, k.desc, prometheus.CounterValue, v, k.labels(name)...)
	}
	for k, v := range s.gauges {
		put(ch, k.desc, prometheus.GaugeValue, v, k.labels(name)...)
	}
}

func (k key) labels(stream string) []string {
	switch k.desc {
	case lost, lostBytes:
		return []string{stream, k.a, k.b}
	case repaired, wrong:
		return []string{stream, k.a}
	}
	return []string{stream}
}

// stream records the figures of the hub.
func (s *stream) stream(st *media.StreamInfo, wrongNow []pipeline.Problem) {
	s.gauge(streamLive, number(st.State == "live"))
	s.count("", streamBytes, float64(st.Bytes))
	s.count("", streamUnits, float64(st.AccessUnits))
	s.gauge(streamUsers, float64(st.Subscribers))
	if st.Pull != "" {
		s.count("", pullFailed, float64(st.PullFailed))
	}
	for _, r := range st.Repairs {
		s.count("", repaired, float64(r.Count), r.Cause)
	}
	for _, l := range st.Losses {
		s.count("", lost, float64(l.Count), "ingest", l.Cause)
		s.count("", lostBytes, 0, "ingest", l.Cause)
	}
	s.gauge(wrong, 0, "nothing_kept") // so that an alert resolves
	for _, p := range wrongNow {
		s.gauges[keyOf(wrong, []string{p.Problem})]++
	}
}

// recording records the figures of the recorder. It does not count an ended recording that it has
// not followed: that may have been counted before its stream was gone for a while.
func (s *stream) recording(st *recorder.StreamStatus, now time.Time) {
	rep := &st.Report
	s.gauge(recActive, number(rep.Recording))
	s.gauge(ringBytes, float64(rep.RingBytes))
	s.gauge(ringMaxBytes, float64(rep.RingMaxBytes))
	s.gauge(ringSeconds, rep.RingSpan.Seconds())
	if rep.Recording && !rep.LastDurable.IsZero() {
		s.gauge(recDurable, now.Sub(rep.LastDurable).Seconds())
	}
	if _, followed := s.before[source{keyOf(recBytes, nil), st.Pipeline}]; !followed && !rep.Recording && st.State == "idle" {
		s.skip(st)
	}
	s.counts(st)
}

func (s *stream) counts(st *recorder.StreamStatus) {
	rep := &st.Report
	s.count(st.Pipeline, recBytes, float64(rep.TotalBytes))
	s.count(st.Pipeline, recUnits, float64(rep.AccessUnits))
	s.count(st.Pipeline, recSegments, float64(rep.Segments))
	s.count(st.Pipeline, recGaps, float64(rep.Gaps))
	for k, d := range drops(rep.Drops) {
		s.count(st.Pipeline, lost, float64(d.AccessUnits), k[0], k[1])
		s.count(st.Pipeline, lostBytes, float64(d.Bytes), k[0], k[1])
	}
}

// skip records the present values of a recording as its previous ones.
func (s *stream) skip(st *recorder.StreamStatus) {
	was := s.now
	s.now = map[source]float64{}
	s.counts(st)
	for src, v := range s.now {
		s.before[src] = v
	}
	s.now = was
}
