package metrics

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/gospool/spool/pipeline/streampath"
)

// machine lists the streams and recordings that a test makes, and counts the calls.
type machine struct {
	now      time.Time
	list     []media.StreamInfo
	status   map[string]recorder.StreamStatus
	problems []pipeline.Problem
	asked    int // questions, and elements of the lists that answered them
}

func (m *machine) Now() time.Time { return m.now }

func (m *machine) After(time.Duration) (<-chan time.Time, func()) { return nil, func() {} }

func (m *machine) List() []media.StreamInfo {
	m.asked += 1 + len(m.list)
	return slices.Clone(m.list)
}

func (m *machine) Problems(string) []pipeline.Problem { m.asked++; return nil }

func (m *machine) Stream(path string) (recorder.StreamStatus, bool) {
	m.asked++
	s, ok := m.status[path]
	return s, ok
}

func (m *machine) Recording() (out []string) {
	for path := range m.status {
		out = append(out, path)
	}
	m.asked += 1 + len(out)
	return out
}

// put makes a stream with a recording.
func (m *machine) put(path string, bytes, written int) {
	m.list = slices.DeleteFunc(m.list, func(s media.StreamInfo) bool { return s.Path == path })
	m.list = append(m.list, media.StreamInfo{Path: path, State: "live", Bytes: uint64(bytes)})
	m.status[path] = recorder.StreamStatus{Stream: path, Pipeline: "p", State: "recording", Report: pipeline.Report{Recording: true, TotalBytes: int64(written)}}
}

// leave removes a stream and its recording.
func (m *machine) leave(path string) {
	m.list = slices.DeleteFunc(m.list, func(s media.StreamInfo) bool { return s.Path == path })
	delete(m.status, path)
}

type scraper struct {
	*machine
	t      *testing.T
	scrape func() map[string]float64
}

func newScraper(t *testing.T, most int) *scraper {
	m := &machine{now: time.Unix(1000, 0), status: map[string]recorder.StreamStatus{}}
	h, err := New(Config{
		Version: "v1", MaxStreams: most, Clock: m, Streams: m, Recorder: m,
		Problems: func(context.Context) []pipeline.Problem { return m.problems },
	})
	require.NoError(t, err)
	return &scraper{m, t, func() map[string]float64 {
		m.now = m.now.Add(15 * time.Second)
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
		require.Equal(t, 200, w.Code, w.Body)
		out := map[string]float64{}
		for line := range strings.Lines(w.Body.String()) {
			if name, text, ok := strings.Cut(strings.TrimSpace(line), " "); ok && strings.HasPrefix(name, "spool_") {
				v, err := strconv.ParseFloat(text, 64)
				require.NoError(t, err)
				out[name] = v
			}
		}
		return out
	}}
}

const received, recorded = `spool_stream_bytes_total{stream="%s"}`, `spool_recording_bytes_total{stream="%s"}`

func of(name, stream string) string { return fmt.Sprintf(name, stream) }

// The work of a scrape is linear in the number of streams.
func TestAScrapeIsLinear(t *testing.T) {
	work := func(n int) int {
		s := newScraper(t, 0)
		for i := range n {
			s.list = append(s.list, media.StreamInfo{Path: fmt.Sprint("a/", i)})
			s.status[fmt.Sprint("a/", i)] = recorder.StreamStatus{}
			s.problems = append(s.problems, pipeline.Problem{Problem: "x", Stream: fmt.Sprint("a/", i)})
		}
		s.scrape()
		return s.asked
	}
	require.LessOrEqual(t, work(2000), 2*work(1000)+10)
}

// Streams beyond the limit have no series of their own, as publishers choose the names; each byte is counted once.
func TestStreamsBeyondTheLimitAreSummed(t *testing.T) {
	s := newScraper(t, 2)
	for n, name := range []string{"a", "b", "c", "d"} {
		s.put(name, 1<<n, 10<<n)
	}
	got := s.scrape()
	require.Equal(t, 3., got[of(received, "a")]+got[of(received, "b")])
	require.Equal(t, 12., got[of(received, Others)])
	require.Equal(t, 120., got[of(recorded, Others)])
	require.Equal(t, 2., got[`spool_stream_live{stream="/others"}`])
	require.Equal(t, 2., got["spool_streams_without_series"])
	require.NotContains(t, got, of(received, "c"))
	require.Error(t, streampath.Check(Others), "no stream can have the name")

	most := 0
	for n := range 100 {
		s.put(fmt.Sprint("once/", n), 1, 1)
		most = max(most, len(s.scrape()))
		s.leave(fmt.Sprint("once/", n))
	}
	require.Less(t, most, 60)
	require.Equal(t, 112., s.scrape()[of(received, Others)], "each once")
}

// A configured stream has its own series, even if other streams came before it.
func TestAConfiguredStreamTakesTheSeriesOfAnUnconfiguredOne(t *testing.T) {
	s := newScraper(t, 2)
	s.put("a", 1, 0)
	s.put("b", 2, 0)
	s.scrape()
	s.put("z", 4, 0)
	s.list[2].Configured = true
	got := s.scrape()
	require.Equal(t, 4., got[of(received, "z")])
	require.Equal(t, 2., got["spool_streams_without_series"]+got[`spool_stream_live{stream="/others"}`])
	s.put("y", 8, 0)
	s.list[3].Configured = true
	got = s.scrape()
	require.Equal(t, 12., got[of(received, "y")]+got[of(received, "z")])
	require.NotContains(t, got, of(received, "a"))
	require.NotContains(t, got, of(received, "b"))
}

// An exported counter never decreases, though recordings restart and publishers come and go.
func TestNoCounterGoesBackwards(t *testing.T) {
	for _, most := range []int{0, 1} {
		s := newScraper(t, most)
		before := map[string]float64{}
		look := func() map[string]float64 {
			now := s.scrape()
			for name, v := range before {
				if is, there := now[name]; there && strings.Contains(name, "_total{") {
					require.GreaterOrEqual(t, is, v, name)
				}
			}
			before = now
			return now
		}
		for round := range 4 {
			for _, name := range []string{"a", "b"} {
				s.put(name, 100, 1000)
				look()
				s.put(name, 150+round, 10) // the recording has begun anew
				look()
				s.put(name, 150+round, 2000)
				look()
			}
			s.list, s.status = nil, map[string]recorder.StreamStatus{}
			look()
		}
		if most == 0 {
			require.Equal(t, 4*3000., before[of(recorded, "a")])
			require.Equal(t, 4*150+6., before[of(received, "a")])
		}
	}
}

// The series of an ended stream stay for a while, because a scrape may have missed the last values.
func TestTheSeriesOfAnEndedStreamExpire(t *testing.T) {
	s := newScraper(t, 0)
	s.put("a", 7, 5)
	s.scrape()
	s.list = nil
	s.status["a"] = recorder.StreamStatus{Pipeline: "p", State: "idle", Report: pipeline.Report{TotalBytes: 9}}
	status := s.status
	s.status = map[string]recorder.StreamStatus{}
	got := s.scrape()
	require.Equal(t, 7., got[of(received, "a")])
	require.Zero(t, got[`spool_stream_live{stream="a"}`])
	s.now = s.now.Add(DefaultKeepGone)
	require.NotContains(t, s.scrape(), of(received, "a"))
	s.status = status
	require.Zero(t, s.scrape()[of(recorded, "a")], "earlier bytes are not counted again")
}

func TestProblemsOfStreamsWithoutSeriesAreSummed(t *testing.T) {
	s := newScraper(t, 1)
	s.put("a", 0, 0)
	s.put("b", 0, 0)
	s.put("c", 0, 0)
	for _, stream := range []string{"a", "b", "c", "", "nobody"} {
		s.problems = append(s.problems, pipeline.Problem{Problem: "disk_full", Stream: stream})
	}
	got := s.scrape()
	require.Equal(t, 1., got[`spool_problem{problem="disk_full",stream="a"}`])
	require.Equal(t, 1., got[`spool_problem{problem="disk_full",stream=""}`])
	require.Equal(t, 3., got[`spool_problem{problem="disk_full",stream="/others"}`])
}

// BenchmarkScrape scrapes the figures of many armed names: the cost grows linearly with their number.
func BenchmarkScrape(b *testing.B) {
	for _, n := range []int{100, 1000, 7500} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			m := &machine{now: time.Unix(1000, 0), status: map[string]recorder.StreamStatus{}}
			for i := range n {
				name := fmt.Sprint("nobody/", i)
				m.list = append(m.list, media.StreamInfo{Path: name, State: "waiting", Subscribers: 1})
				m.status[name] = recorder.StreamStatus{State: "armed", Pipeline: "default"}
			}
			h, err := New(Config{
				Version: "v1", Clock: m, Streams: m, Recorder: m,
				Problems: func(context.Context) []pipeline.Problem { return nil },
			})
			require.NoError(b, err)
			for b.Loop() {
				w := httptest.NewRecorder()
				h.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
				b.ReportMetric(float64(w.Body.Len())/float64(n), "bytes/name")
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(n), "ns/name")
		})
	}
}
