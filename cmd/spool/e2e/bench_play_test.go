package e2e

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/bench/play"
)

// A span in two recordings is played in each format by one and by two clients, and by nginx. All get the same number of bytes, and
// nothing is left behind.
func TestBenchPlayComparesSpansWithFiles(t *testing.T) {
	t.Parallel()
	path, err := racyBinary()
	require.NoError(t, err)
	dir, out := t.TempDir(), t.TempDir()
	bench := func(environment []string, args ...string) (string, play.Report) {
		var text, errs bytes.Buffer
		file := filepath.Join(out, "r.json")
		cmd := exec.CommandContext(t.Context(), path, append([]string{"bench", "play", "--span", "8s", "--files", "2", "--bitrate", "300k", "--dir", dir, "--json", file}, args...)...)
		cmd.Stdout, cmd.Stderr, cmd.Env = &text, &errs, append(os.Environ(), environment...)
		require.NoError(t, cmd.Run(), "%s%s", &text, &errs)
		b, err := os.ReadFile(file)
		require.NoError(t, err)
		var r play.Report
		require.NoError(t, json.Unmarshal(b, &r))
		left, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Empty(t, left)
		return text.String(), r
	}
	// The settings of a recorder in the environment are not those of the bench.
	text, r := bench([]string{"SPOOL_HTTP__LISTEN=127.0.0.1:0"}, "--runs", "1", "--viewers", "1,2", "--svg", filepath.Join(out, "plots"))
	require.Contains(t, text, "x-nginx-cpu")
	require.Empty(t, r.WithoutNginx)
	require.Len(t, r.Rows, len(play.Formats)*len(play.States)*2)
	for i := range r.Rows {
		row := &r.Rows[i]
		mb := row.Get("MB") / float64(row.Viewers)
		require.Greater(t, mb, 8*(300e3+128e3)/8/1e6, "%+v", row)
		require.InDelta(t, r.Rows[0].Get("MB"), mb, 0.05, "each viewer gets the whole span in each format: %+v", row)
		for _, unit := range []string{"first-byte-ms", "MB/s", "cpu-us/MB", "nginx-first-byte-ms", "nginx-MB/s", "nginx-cpu-us/MB", "x-nginx-cpu"} {
			require.Positive(t, row.Get(unit), "%s %+v", unit, row)
		}
	}
	require.FileExists(t, filepath.Join(out, "plots", "play-cost.svg"))
	require.FileExists(t, filepath.Join(out, "plots", "play-throughput.svg"))

	text, r = bench([]string{"PATH=" + t.TempDir()}, "--runs", "2", "--format", "mp4")
	require.Contains(t, text, "nginx is not installed (Debian and Ubuntu: apt-get install nginx-core)")
	require.NotContains(t, text, "x-nginx-cpu")
	require.Len(t, r.Rows, len(play.States))
}
