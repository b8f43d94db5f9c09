package mp4

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/powercut"
)

// changed is what was promised of a finished file that was changed in place.
type changed struct {
	protected bool
	events    int
}

// changesOnDisk protects a finished file and adds events to it. Each Note is what was
// promised.
func changesOnDisk(t *testing.T, recorded []byte, id media.ID, forget int) *powercut.Disk {
	t.Helper()
	cut := powercut.New()
	f, err := cut.Create("x.mp4")
	require.NoError(t, err)
	_, err = f.WriteAt(recorded, 0)
	require.NoError(t, err)
	require.NoError(t, f.Sync())
	require.NoError(t, cut.SyncDir("."))
	cut.Forget(forget + 2)
	do := func(what func(f disk.File, name string) error, promise changed) {
		require.NoError(t, changeIn(cutFS{cut}.Open, "x.mp4", what))
		cut.Note(promise)
	}
	do(func(f disk.File, name string) error { return protect(f, name, true) }, changed{true, 0})
	do(func(f disk.File, name string) error { return addEvents(f, name, id, []media.Event{eventNo(1)}) }, changed{true, 1})
	do(func(f disk.File, name string) error { return protect(f, name, false) }, changed{false, 1})
	return cut
}

// broken tells what of a state is not as it was promised; the next change may be there.
func (c changed) broken(t *testing.T, s powercut.State) string {
	t.Helper()
	f, err := cutFS{s.Disk}.OpenRead("x.mp4")
	require.NoError(t, err, s.What)
	e, _, err := entryAt(f, "x.mp4")
	require.NoError(t, err, "a change costs the file nothing else: %s", s.What)
	switch {
	case len(s.Notes) == 1 && !e.protected, len(s.Notes) == 3 && e.protected:
		return "protection"
	case len(e.events) < c.events && len(s.Notes) > 1:
		return "events"
	}
	return ""
}

// TestChangesInPlaceAfterAPowerCut: a file that was said to be protected is, and names
// the events that it was said to name; and each sync that this takes is seen to be
// missing.
func TestChangesInPlaceAfterAPowerCut(t *testing.T) {
	run := recordOnDisk(t, "moov first", 0)
	var recorded []byte
	for name, b := range run.disk.Files() {
		if filepath.Ext(name) == ".mp4" {
			recorded = b
		}
	}
	require.NotEmpty(t, recorded)
	f, err := powercut.New().Create("x.mp4")
	require.NoError(t, err)
	_, err = f.WriteAt(recorded, 0)
	require.NoError(t, err)
	e, _, err := entryAt(f, "x.mp4")
	require.NoError(t, err)
	id, err := media.ParseID(e.identity.ID)
	require.NoError(t, err)
	check := func(forget int) (broken string) {
		for s := range changesOnDisk(t, recorded, id, forget).States(powercut.Options{Seed: 1, Random: 20}) {
			if len(s.Notes) == 0 {
				continue
			}
			if broken = s.Notes[len(s.Notes)-1].(changed).broken(t, s); broken != "" {
				return broken + ": " + s.What
			}
		}
		return ""
	}
	require.Empty(t, check(0))
	syncs, _ := changesOnDisk(t, recorded, id, 0).Syncs()
	require.Equal(t, 2+3, syncs)
	for n := 1; n <= 3; n++ {
		require.NotEmpty(t, check(n), "nobody would notice that sync %d is missing", n)
	}
}

// TestTheRecordDirectoryIsDurable: each level that is made for it is synced in the one
// above, or a power cut takes it with all that was synced in it.
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
