package journal

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/sinks/mp4/powercut"
)

// TestTheJournalsDirectoryIsDurable: each level that is made for it is synced in the
// one above, or a power cut takes it with all that was synced in it.
func TestTheJournalsDirectoryIsDurable(t *testing.T) {
	root := t.TempDir()
	m := &powercut.Levels{}
	dir := filepath.Join(root, "records", "journal")
	j, _, err := Open(m, dir, func() int64 { return 1000 })
	require.NoError(t, err)
	require.NoError(t, j.Close())
	require.Equal(t, []string{filepath.Dir(dir), dir}, m.Made)
	require.Empty(t, m.Lost())
}

// A lock that may be another host's is said, and how to cure it; it is not the other
// process on this one that is to be stopped.
func TestALockOfAnotherHostIsSaid(t *testing.T) {
	normal := System
	t.Cleanup(func() { System = normal })
	System = filesystem.Calls{Flock: func(int) error { return unix.ENOLCK }}
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".lock.lock"), []byte(`host="another" boot=x space=pid:[1] pid=1 began=1`), 0o600))
	_, _, err := Open(durable.Disk{}, dir, func() int64 { return 1 })
	require.ErrorIs(t, err, filesystem.ErrPerhapsLocked)
	require.ErrorContains(t, err, "delete it")
	require.NotErrorIs(t, err, ErrJournalTaken)
}
