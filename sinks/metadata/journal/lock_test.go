package journal

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/sinks/metadata/row"
	"github.com/gospool/spool/sinks/mp4/powercut"
)

// TestTheJournalsDirectoryIsDurable checks that each directory that is created is synced in its
// parent: otherwise a power cut removes it with every synced file in it.
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

// The error names the lock that may be another host's, and the remedy. It does not tell the operator
// to stop a process of this host.
func TestALockOfAnotherHostIsNamed(t *testing.T) {
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

// TestALinkInThePlaceOfAJournalIsNotFollowed checks that changes are delivered with ErrNotDurable. A
// link among the journal's files is skipped, and noted.
func TestALinkInThePlaceOfAJournalIsNotFollowed(t *testing.T) {
	for _, link := range []string{"journal", "journal/lock"} {
		home, outside := t.TempDir(), t.TempDir()
		dir := filepath.Join(home, "journal")
		if link != "journal" {
			require.NoError(t, os.Mkdir(dir, 0o700))
		}
		require.NoError(t, os.Symlink(filepath.Join(outside, "new"), filepath.Join(home, link)))
		j, old, err := Open(durable.Below(home), dir, func() int64 { return 1000 })
		require.NoError(t, err, link)
		require.ErrorIs(t, old.Unused, filesystem.ErrNotBelow)
		require.ErrorContains(t, old.Unused, filepath.Join(home, link)+" is a link")
		_, _, why := j.Health()
		require.ErrorIs(t, why, old.Unused, "before anything is written")
		var got []Change
		j.DeliverTo(func(c []Change) { got = append(got, c...) })
		_, err = j.Append(Delete, &row.Row{ID: "x"}, 0)
		require.ErrorIs(t, err, ErrNotDurable)
		require.Len(t, got, 1)
		require.NoError(t, j.Close())
		left, err := os.ReadDir(outside)
		require.NoError(t, err)
		require.Empty(t, left)
	}
	home := t.TempDir()
	dir := filepath.Join(home, "journal")
	require.NoError(t, os.Mkdir(dir, 0o700))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(dir, "0000000000000001"+fileSuffix)))
	j, old, err := Open(durable.Below(home), dir, func() int64 { return 1000 })
	require.NoError(t, err)
	require.Len(t, old.Notes, 1)
	require.Contains(t, old.Notes[0], "is a link")
	require.NoError(t, j.Close())
}
