package harness

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTargetsAreComparedWithTheResultsThatFit(t *testing.T) {
	muxed := func(format string, bitrate int, length time.Duration, cost float64) Result {
		r := Result{Kind: "mux", Machine: "2 x a CPU", Case: Case{Format: format, Bitrate: bitrate, Flush: time.Second, Length: length}}
		for _, spread := range []float64{0.9, 1, 1.1} {
			r.add("x-write-prealloc", cost*spread)
			r.add("cpu-us/MB", cost*300)
		}
		return r
	}
	file := filepath.Join(t.TempDir(), "r.json")
	var b bytes.Buffer
	require.NoError(t, WriteJSON(&b, []Result{
		muxed("mp4", 8e6, 5*time.Minute, 1.2), muxed("fmp4", 8e6, 5*time.Minute, 1.3), muxed("fmp4", 8e6, time.Hour, 9),
		muxed("mp4", 1e6, 2*time.Minute, 3), muxed("mp4", 100e6, 2*time.Minute, 1.5),
		{Kind: "live", Publishers: "srt", Case: Case{Bitrate: 4e6, Streams: 60}, Metrics: []Metric{{"peak-RSS-MB", []float64{70}}}},
	}))
	require.NoError(t, os.WriteFile(file, b.Bytes(), 0o600))
	results, err := ReadJSON([]string{file})
	require.NoError(t, err)
	b.Reset()
	require.NoError(t, WriteTargets(&b, results))
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	require.Equal(t, "2 x a CPU", lines[0])
	for i, want := range []string{
		"mux, MP4 x-write-prealloc 1.20 (1.08-1.32) 1.25 met",
		"mux, fMP4 x-write-prealloc 1.30 (1.17-1.43) 1.25 missed",
		"mux, MP4, at 1 to 100 Mbit/s cpu-us/MB, highest/lowest 2.00 (2.00-2.00) 1.15 missed",
	} {
		require.Equal(t, want, strings.Join(strings.Fields(lines[i+2]), " "))
	}
	require.Len(t, lines, 5, "targets without a result are left out; those of live are of RTSP")
}

func TestAFileThatIsNoResultIsRefused(t *testing.T) {
	file := filepath.Join(t.TempDir(), "r.json")
	_, err := ReadJSON([]string{file})
	require.ErrorIs(t, err, os.ErrNotExist)
	require.NoError(t, os.WriteFile(file, []byte("a table"), 0o600))
	_, err = ReadJSON([]string{file})
	require.ErrorContains(t, err, file+": it is not the JSON of spool bench")
}
