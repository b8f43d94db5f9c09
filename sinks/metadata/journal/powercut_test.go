package journal

import (
	"path"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/sinks/mp4/powercut"
)

// cutDisk adapts the simulator's disk to Medium.
type cutDisk struct{ *powercut.Disk }

func (d cutDisk) Create(name string) (File, error) {
	f, err := d.Disk.Create(name)
	return &cutFile{File: f}, err
}

func (d cutDisk) Read(name string) ([]byte, error) { return powercut.Files{Disk: d.Disk}.Read(name) }

func (d cutDisk) List() (names []string, err error) {
	entries, err := d.ReadDir(".")
	for _, e := range entries {
		names = append(names, path.Base(e.Name()))
	}
	return names, err
}

func (d cutDisk) SyncDir() error { return d.Disk.SyncDir(".") }

type cutFile struct {
	*powercut.File
	at int64
}

func (f *cutFile) Write(b []byte) (int, error) {
	n, err := f.WriteAt(b, f.at)
	f.at += int64(n)
	return n, err
}

// known holds the changes that the journal accepted; those up to the revision applied may be
// missing again.
type known struct {
	changes []Change
	applied int64
}

// journalOnDisk appends changes over several files, and trims some.
func journalOnDisk(t *testing.T, forget int) *powercut.Disk {
	t.Helper()
	disk := powercut.New()
	disk.Forget(forget)
	j, _, err := readJournal(cutDisk{disk}, func() int64 { return 1000 })
	require.NoError(t, err)
	var p known
	j.deliver = func(ops []Change) { p.changes = append(p.changes, ops...) }
	for n := range 9 {
		add(t, j, n)
		disk.Note(p)
		if n%3 == 2 {
			j.fileBytes = RotateBytes // the next append begins a file
		}
		if n == 7 {
			p.applied = p.changes[4].Revision
			disk.Note(p)
			require.NoError(t, j.Trim(func(int64) int64 { return p.applied }))
		}
	}
	return disk
}

// missing returns the accepted changes that a state of the disk does not give back once, in order
// and unchanged.
func missing(t *testing.T, s powercut.State) (lost []Change) {
	t.Helper()
	_, got, err := readJournal(cutDisk{s.Disk}, func() int64 { return 2000 })
	require.NoError(t, err, s.What)
	byRev := map[int64]Change{}
	last := int64(0)
	for _, o := range got.Changes {
		require.Greater(t, o.Revision, last, "twice, or not in order: %s", s.What)
		last = o.Revision
		byRev[o.Revision] = o
	}
	if len(s.Notes) == 0 {
		return nil
	}
	p := s.Notes[len(s.Notes)-1].(known)
	for _, want := range p.changes {
		if o, ok := byRev[want.Revision]; want.Revision > p.applied && (!ok || o.Kind != want.Kind || o.Row.ID != want.Row.ID) {
			lost = append(lost, want)
		}
	}
	return lost
}

// TestJournalAfterAPowerCut checks in every state of the disk that each accepted change is there,
// once and in order, or was applied.
func TestJournalAfterAPowerCut(t *testing.T) {
	states := 0
	for s := range journalOnDisk(t, 0).States(powercut.Options{Seed: 1, Random: 60}) {
		states++
		require.Empty(t, missing(t, s), "cut after operation %d, %s", s.Cut, s.What)
		j, _, err := readJournal(cutDisk{s.Disk}, func() int64 { return 3000 })
		require.NoError(t, err)
		add(t, j, 20) // the journal takes further changes
	}
	t.Logf("%d states", states)
	require.Greater(t, states, 50)
}

// TestForgottenSyncOfTheJournal leaves out each sync in turn: the simulator must find a state that
// lacks a change.
func TestForgottenSyncOfTheJournal(t *testing.T) {
	syncs, _ := journalOnDisk(t, 0).Syncs()
	require.Equal(t, 9+3, syncs, "one a change, and one a file")
	for n := 1; n <= syncs; n++ {
		disk, caught := journalOnDisk(t, n), false
		_, what := disk.Syncs()
		for s := range disk.States(powercut.Options{Seed: 1, Random: 60}) {
			if caught = len(missing(t, s)) > 0; caught {
				break
			}
		}
		require.True(t, caught, "the test does not notice that sync %d is missing: %s", n, what)
	}
}
