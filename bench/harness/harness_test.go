package harness

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func small() Matrix {
	return Matrix{
		Format: []string{"mp4", "fmp4"}, Codec: []string{"h264"}, Bytes: []config.Size{4 << 20}, Bitrate: []int{1e6}, FPS: []int{25}, GOP: []config.Duration{1e9},
		Flush: []config.Duration{500e6}, Fragment: []config.Duration{1e9}, Sync: []string{"none", "chunk"},
		Streams: []int{2}, Length: []config.Duration{3e9},
	}
}

func TestAMatrixIsEveryCombination(t *testing.T) {
	m := small()
	m.Streams = []int{1, 2, 3}
	cases, err := m.Cases()
	require.NoError(t, err)
	require.Len(t, cases, 2*2*3)
	seen := map[string]bool{}
	for _, c := range cases {
		seen[c.Name()] = true
		require.Equal(t, 2, strings.Count(c.Short(cases), " "), "what differs is named: %s", c.Short(cases))
	}
	require.Len(t, seen, 12)
	require.Equal(t, []int{7}, Matrix{Streams: []int{7}}.Over(m).Streams)
	for _, bad := range []Matrix{
		{Format: []string{"mkv"}}, {Codec: []string{"vp8"}}, {Bytes: []config.Size{1}}, {Sync: []string{"often"}}, {Bitrate: []int{5}}, {FPS: []int{0}},
		{Streams: []int{0}}, {Length: []config.Duration{1}}, {Flush: []config.Duration{1}},
	} {
		_, err := bad.Over(m).Cases()
		require.Error(t, err)
	}
}

// Each kind does its real work, reports results, and leaves no files.
func TestKindsMeasureAndCleanUp(t *testing.T) {
	cases, err := small().Cases()
	require.NoError(t, err)
	for kind, units := range map[string][]string{
		"mux":      {"x-write", "x-write-prealloc", "cpu-us/MB", "allocs/AU", "writes/chunk", "MB/s"},
		"pipeline": {"x-write", "x-write-prealloc", "cpu-ms/stream", "RSS-MB"},
		"finalise": {"cpu-ms", "ms", "written-MB"},
		"repair":   {"x-read", "ms", "file-MB"},
	} {
		t.Run(kind, func(t *testing.T) {
			dir, steps := t.TempDir(), 0
			results, err := Run(t.Context(), kind, cases, Options{Dir: dir, Warm: 1, Runs: 2, Progress: func(done, all int, _ string) {
				require.Equal(t, len(cases)*3, all)
				require.Equal(t, steps, done)
				steps++
			}})
			require.NoError(t, err)
			require.Equal(t, len(cases)*3+1, steps)
			require.Len(t, results, len(cases))
			for i := range results {
				for _, m := range results[i].Metrics {
					require.Len(t, m.Values, 2, m.Unit)
				}
				for _, u := range units {
					require.GreaterOrEqual(t, results[i].Get(u), 0.0, u)
				}
			}
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, left)
		})
	}
}

func TestAnInterruptLeavesNothing(t *testing.T) {
	cases, err := small().Cases()
	require.NoError(t, err)
	dir := t.TempDir()
	ctx, cancel := context.WithCancelCause(t.Context())
	stop := errors.New("stop")
	results, err := Run(ctx, "mux", cases, Options{Dir: dir, Runs: 1, Progress: func(done, _ int, _ string) {
		if done == 1 {
			cancel(stop)
		}
	}})
	require.ErrorIs(t, err, stop)
	require.Len(t, results, 1, "what was measured is kept")
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// A chunk is one write in every format; further writes are the header and the end of each file, and those for the
// temporary directory.
func TestAChunkIsOneWrite(t *testing.T) {
	m := small()
	m.Sync, m.Streams, m.Length, m.Flush = []string{"none"}, []int{1}, []config.Duration{60e9}, []config.Duration{1e9}
	cases, err := m.Cases()
	require.NoError(t, err)
	results, err := Run(t.Context(), "mux", cases, Options{Dir: t.TempDir(), Runs: 1})
	require.NoError(t, err)
	for i := range results {
		// A few for the file's beginning and end, and those of Go's runtime, which the system counts too.
		require.InDelta(t, 1.25, results[i].Get("writes/chunk"), 0.25, results[i].Case.Format)
	}
}

// Completing an hour writes its moov: less than 4 MB, however large the media, and almost no bytes for a fragmented
// file.
func TestFinishingAnHourWritesNoMedia(t *testing.T) {
	m := small()
	m.Sync, m.Streams, m.Length, m.FPS = []string{"none"}, []int{1}, []config.Duration{3600e9}, []int{30}
	cases, err := m.Cases()
	require.NoError(t, err)
	results, err := Run(t.Context(), "finalise", cases, Options{Dir: t.TempDir(), Runs: 1})
	require.NoError(t, err)
	for i, most := range []float64{4, 0.1} {
		require.Less(t, results[i].Get("written-MB"), most, results[i].Case.Format)
		require.Greater(t, results[i].Get("file-MB"), 400.0)
	}
}

func made() []Result {
	var results []Result
	for i, flush := range []time.Duration{250e6, 500e6, 1e9} {
		r := Result{Kind: "mux", Case: Case{Format: "mp4", Codec: "h264", Sync: "chunk", Bitrate: 8e6, FPS: 30, Flush: flush, Streams: 1}}
		for _, spread := range []float64{0.9, 1, 1.1} {
			r.add("x-write", 1.5*spread)
			r.add("cpu-us/MB", []float64{400, 310, 300}[i]*spread)
			r.add("MB/s", 1000*spread)
		}
		r.latencies([]time.Duration{2 * time.Millisecond, time.Millisecond, 4 * time.Millisecond})
		results = append(results, r)
	}
	return results
}

func TestTheTableShowsMediansAndSpread(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, WriteTable(&b, made()))
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	require.Contains(t, lines[0], "mux, rounds: 3, all rows: format=mp4 sync=chunk codec=h264 bitrate=8M fps=30")
	require.NotContains(t, lines[0], "flush=", "its rows differ")
	require.Equal(t, strings.Fields("mux x-write (low-high) cpu-us/MB MB/s p50 ms p99 ms max ms"), strings.Fields(lines[1]))
	require.Equal(t, strings.Fields("flush=500ms 1.50 (1.35-1.65) 310 1000 2 3.96 4"), strings.Fields(strings.ReplaceAll(lines[3], ".00", "")))
	require.NoError(t, WriteTable(&b, nil))
}

func TestBenchstatReadsTheLines(t *testing.T) {
	var b bytes.Buffer
	require.NoError(t, WriteBenchstat(&b, made()))
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	require.Len(t, lines, 3+9)
	for _, l := range lines[3:] {
		f := strings.Fields(l)
		require.True(t, strings.HasPrefix(f[0], "BenchmarkMux/format=mp4/sync=chunk/codec=h264/bitrate=8M/"))
		require.Equal(t, "1", f[1])
		require.Equal(t, []string{"x-write", "cpu-us/MB", "MB/s"}, []string{f[3], f[5], f[7]})
	}
}

func TestPlotsAreWellFormed(t *testing.T) {
	plots := Plots(made())
	require.Contains(t, plots, "throughput-flush")
	require.Contains(t, plots, "write-latency")
	require.NotContains(t, plots, "cost-streams", "one number of streams is no line")
	for name, p := range plots {
		p.Title += " <&>"
		var b bytes.Buffer
		require.NoError(t, p.Write(&b))
		for d := xml.NewDecoder(&b); ; {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else {
				require.NoError(t, err, name)
			}
		}
	}
}

func TestAdviceFollowsTheFigures(t *testing.T) {
	lines := strings.Join(Advise(made()), "\n")
	require.Contains(t, lines, "flush_interval: 500ms: ", "250 ms costs a third more, 1 s saves nothing")
	require.Contains(t, lines, "sync: chunk is right up to some 50 streams with flush_interval 1s")
	slow := made()
	for i := range slow {
		slow[i].Latency = []float64{400, 500, 600}
	}
	require.Contains(t, strings.Join(Advise(slow), "\n"), "sync: interval, not chunk")
	live := Result{Kind: "live", Case: Case{Bitrate: 4e6, Streams: 60}}
	live.add("cpu-ms/s/stream", 2.5)
	require.Contains(t, Advise([]Result{live})[0], "400 streams of 4M")
	require.Empty(t, Advise(nil))
}

// The muxer and repair are measured with each codec. A repair that does not keep all media is an error.
func TestEachCodecIsMeasured(t *testing.T) {
	m := small()
	m.Codec, m.Sync, m.Streams, m.Bitrate = []string{"all"}, []string{"none"}, []int{1}, []int{1e6, 2e6}
	cases, err := m.Cases()
	require.NoError(t, err)
	seen := map[string]int{}
	for _, c := range cases {
		seen[c.Codec]++
	}
	require.Len(t, seen, len(Codecs))
	require.Equal(t, 4, seen["h264"], "two formats, two bitrates")
	require.Equal(t, 2, seen["opus"], "sound alone has the bitrate of its codec")
	for _, kind := range []string{"mux", "repair"} {
		t.Run(kind, func(t *testing.T) {
			results, err := Run(t.Context(), kind, cases, Options{Dir: t.TempDir(), Runs: 1})
			require.NoError(t, err)
			require.Len(t, results, len(cases))
			for i := range results {
				require.Greater(t, results[i].Get("cpu-ns/AU"), 0.0, results[i].Case.Name())
			}
		})
	}
}
