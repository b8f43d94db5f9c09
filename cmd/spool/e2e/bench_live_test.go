package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// Two publishers with sound are recorded by two servers of this binary and discarded by two others. Every access unit
// arrives, and the servers leave nothing behind.
func TestBenchLiveComparesServersAndChecksTheirRecordings(t *testing.T) {
	t.Parallel()
	path, err := racyBinary()
	require.NoError(t, err)
	dir := t.TempDir()
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), path, "bench", "live", "--publishers", "2", "--bitrate", "500k", "--gop", "400ms", "--in-phase",
		"--runs", "2", "--window", "500ms", "--rest", "100ms", "--dir", dir, "--against", "again="+path+" serve -c {dir}/config.yaml")
	cmd.Stdout, cmd.Stderr = &out, &errs
	require.NoError(t, cmd.Run(), "%s%s", &out, &errs)
	for _, line := range []string{
		"live: 2 streams of 500k with sound by rtsp, medians of 2 runs\n",
		"load generator, a process of its own: ",
		"bare: 2/2 streams whole, 0 access units lost\n",
		"bare, read ahead: 2/2 streams whole, 0 access units lost\n",
		"spool: 2/2 streams whole, 0 access units lost\n",
		"again: 2/2 streams whole, 0 access units lost\n",
	} {
		require.Contains(t, out.String(), line)
	}
	left, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// Publishers by each protocol are recorded by this binary, and discarded by servers of the same library. Every access unit
// arrives.
func TestBenchLiveMeasuresPublishersByEachProtocol(t *testing.T) {
	t.Parallel()
	path, err := racyBinary()
	require.NoError(t, err)
	for protocol, servers := range map[string][]string{
		"rtmp": {"bare", "spool"}, "srt": {"bare", "bare, demuxed", "spool"}, "ts": {"bare", "bare, demuxed", "spool"},
	} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, err := run(t, path, "bench", "live", "--publishers", "2", "--protocol", protocol, "--bitrate", "500k", "--gop", "400ms",
				"--runs", "1", "--window", "500ms", "--rest", "100ms", "--dir", t.TempDir())
			require.NoError(t, err, "%s%s", stdout, stderr)
			require.Contains(t, stdout, "live: 2 streams of 500k with sound by "+protocol+", medians of 1 runs\n")
			for _, server := range servers {
				require.Contains(t, stdout, server+": 2/2 streams whole, 0 access units lost\n")
			}
		})
	}
}

// Viewers read the streams by each protocol from this binary, and from a server that only sends.
func TestBenchLiveMeasuresViewers(t *testing.T) {
	t.Parallel()
	path, err := racyBinary()
	require.NoError(t, err)
	for protocol, bare := range map[string]string{"rtsp": "bare relay", "fmp4": "bare", "hls": "bare"} {
		t.Run(protocol, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, err := run(t, path, "bench", "live", "--streams", "2", "--readers", "3", "--protocol", protocol, "--bitrate", "500k", "--gop", "400ms",
				"--runs", "1", "--window", "500ms", "--rest", "100ms", "--dir", t.TempDir())
			require.NoError(t, err, "%s%s", stdout, stderr)
			require.Contains(t, stdout, "live: 2 streams of 500k with sound by rtsp, 3 viewers by "+protocol+", medians of 1 runs\n")
			for _, server := range []string{bare, "spool"} {
				require.Regexp(t, `(?m)^`+server+`: its readers received [0-9.]+ MB in a run, the last of them 0\.[0-9]*[1-9][0-9]* MB$`, stdout)
			}
		})
	}
}
