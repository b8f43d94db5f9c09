package mp4

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/powercut"
)

// TestTheRecordDirectoryIsDurable checks that each new level is synced in its parent: otherwise a
// power cut removes it with everything that was synced in it.
func TestTheRecordDirectoryIsDurable(t *testing.T) {
	root := t.TempDir()
	s := newSession(t, Defaults(), nil)
	s.dir = filepath.Join(root, "a", "b", "c")
	m := &powercut.Levels{}
	s.above = m
	require.NoError(t, s.Open(context.Background()))
	require.NoError(t, s.Close())
	require.DirExists(t, s.dir)
	require.Equal(t, []string{filepath.Join(root, "a"), filepath.Join(root, "a", "b"), s.dir}, m.Made)
	require.Empty(t, m.Lost())
	_, err := os.Stat(filepath.Join(s.dir, disk.IdentityFile))
	require.NoError(t, err)
}
