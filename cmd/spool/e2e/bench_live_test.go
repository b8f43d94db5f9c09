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
		"live: 2 streams of 500k with sound, medians of 2 runs\n",
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
