package facts

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

const (
	otherDir  = "SPOOL_TEST_FACTS"
	perSide   = 60
	processes = 3
)

// TestMain runs as a second process if the test below requests it.
func TestMain(m *testing.M) {
	if dir := os.Getenv(otherDir); dir != "" {
		side := int(os.Getenv("SPOOL_TEST_SIDE")[0] - '0')
		for n := range perSide {
			if err := In(dir).Change(id, add(side*perSide+n)); err != nil {
				panic(err)
			}
		}
		return
	}
	os.Exit(m.Run())
}

// TestChangesOfSeveralProcessesLoseNone checks concurrent changes of processes, such as the command
// line beside the server.
func TestChangesOfSeveralProcessesLoseNone(t *testing.T) {
	dir := t.TempDir()
	self, err := filepath.Abs(os.Args[0])
	require.NoError(t, err)
	var others []*exec.Cmd
	for side := range processes {
		cmd := exec.CommandContext(t.Context(), self)
		cmd.Env = append(os.Environ(), otherDir+"="+dir, "SPOOL_TEST_SIDE="+string(rune('0'+side)))
		cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
		require.NoError(t, cmd.Start())
		others = append(others, cmd)
	}
	for _, cmd := range others {
		require.NoError(t, cmd.Wait())
	}
	f, err := In(dir).Read(id)
	require.NoError(t, err)
	require.Len(t, f.Events, processes*perSide)
}
