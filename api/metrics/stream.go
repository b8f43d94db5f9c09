package metrics

import (
	"maps"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
)

// stream holds the metrics of one stream, or the sums of all streams without series of their own.
//
// An exported counter is the sum of the growth of its sources, the counters of the hub and of the
// recordings, from scrape to scrape. A source that is lower than at the previous scrape has restarted
// at 0. So an exported counter never decreases while its series exists.
type stream struct {
	path       string
	seen       time.Time // last scrape in which the stream was present
	own        bool      // the stream has series of its own
	configured bool
	isGone     bool // the stream is neither listed by the hub nor recorded

	totals map[key]float64    // exported counters
	added  map[key]float64    // growth of the exported counters in this scrape
	before map[source]float64 // values of the sources at the previous scrape
	now    map[source]float64 // values of the sources at this scrape, until settle
	gauges map[key]float64    // exported gauges
}

// key identifies a series of a stream.
type key struct {
	desc *prometheus.Desc
	a, b string // values of the labels after the label stream; empty: the metric has no such label
}

// source identifies one counter of the hub or of a pipeline's recording. Its growth is added to the
// series that its key identifies.
type source struct {
	key
	pipeline string // empty: a counter of the hub
}

func newStream(path string, now time.Time) *stream {
	return &stream{
		path: path, seen: now, totals: map[key]float64{}, added: map[key]float64{},
		before: map[source]float64{}, now: map[source]float64{}, gauges: map[key]float64{},
	}
}

// begin prepares a stream for a new scrape: it marks the stream as present, and removes the gauges and
// the growth of the previous scrape.
func (s *stream) begin() {
	s.isGone = false
	clear(s.gauges)
	clear(s.added)
}

// gone marks a stream as gone. The gauges of its present activity become 0, the others are removed,
// and its counters keep their values.
func (s *stream) gone() {
	s.isGone = true
	clear(s.gauges)
	clear(s.before) // the sources of a stream that returns restart at 0
	for _, d := range []*prometheus.Desc{streamLive, streamUsers, recActive, ringBytes, ringSeconds} {
		s.gauge(d, 0)
	}
}

// gauge sets the value of a gauge in this scrape.
func (s *stream) gauge(d *prometheus.Desc, v float64, labels ...string) {
	s.gauges[keyOf(d, labels)] = v
}

// count notes v, the present value of a counter of the hub (pipeline is empty) or of a pipeline's
// recording. settle adds the growth of the counter to the series of d and labels. labels are the values
// of the labels after the label stream, at most two.
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

// settle computes the growth of all sources since the previous scrape and, for a stream with series of
// its own, adds it to the exported counters. All sources of one pipeline, or of the hub, restart
// together: if one of them has decreased, all count from 0. The previous value of a source that is
// missing in this scrape stays, because the recorder reports only one pipeline of a stream at a time.
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

// join adds the growth and the gauges of o, a stream without series of its own, to the sums in s. Of
// the gauge recDurable, which is an age, it keeps the larger value instead.
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

// send sends all series of a stream, with the given value of the label stream.
func (s *stream) send(ch chan<- prometheus.Metric, name string) {
	for k, v := range s.totals {
		put(ch, k.desc, prometheus.CounterValue, v, k.labels(name)...)
	}
	for k, v := range s.gauges {
		put(ch, k.desc, prometheus.GaugeValue, v, k.labels(name)...)
	}
}

// labels returns the values of the labels of a series, in the order of its description. stream is the
// value of the label stream.
func (k key) labels(stream string) []string {
	switch k.desc {
	case lost, lostBytes:
		return []string{stream, k.a, k.b}
	case repaired, wrong:
		return []string{stream, k.a}
	}
	return []string{stream}
}

// stream sets the metrics that come from the hub: the state and the counters of a stream in st, and the
// number of its present problems, wrongNow, by kind.
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
	s.gauge(wrong, 0, "nothing_kept") // present even at 0, so that an alert on this problem resolves
	for _, p := range wrongNow {
		s.gauges[keyOf(wrong, []string{p.Problem})]++
	}
}

// recording sets the metrics that come from the recorder: st, the status of a stream's recording at the
// time now. If the recording has ended and its counters have no values from an earlier scrape, their
// present values do not count as growth, because they may have been counted before the stream was gone
// for a while.
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

// counts notes the present values of a recording's counters: see count.
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

// skip sets the values of a recording's counters at the previous scrape to their present values, so
// that the next settle finds no growth in them.
func (s *stream) skip(st *recorder.StreamStatus) {
	was := s.now
	s.now = map[source]float64{}
	s.counts(st)
	for src, v := range s.now {
		s.before[src] = v
	}
	s.now = was
}
