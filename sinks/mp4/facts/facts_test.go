package facts

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/powercut"
)

var id = media.EventID("live/x", "the same in each process")

func event(n int) media.Event {
	return media.Event{ID: media.ID{byte(n), byte(n >> 8), 1}, Name: strings.Repeat("x", n%40), AtUTC: int64(n), StartUTC: int64(n), EndUTC: int64(n) + 5}
}

func add(n int) func(*Facts) error {
	return func(f *Facts) error { f.Events = media.JoinEvent(f.Events, event(n)); return nil }
}

func protect(yes bool) func(*Facts) error {
	return func(f *Facts) error { f.Protected = &yes; return nil }
}

func TestFactsAreReadAsTheyWereWritten(t *testing.T) {
	s := In(t.TempDir())
	f, err := s.Read(id)
	require.NoError(t, err)
	require.True(t, f.None())
	require.NoError(t, s.Change(id, func(*Facts) error { return nil }))
	ids, err := s.Recordings()
	require.NoError(t, err)
	require.Empty(t, ids, "nothing is written about nothing")
	require.NoError(t, s.Change(id, protect(true)))
	require.NoError(t, s.Change(id, add(1)))
	boom := errors.New("boom")
	require.ErrorIs(t, s.Change(id, func(f *Facts) error { f.Events = nil; return boom }), boom)
	f, err = s.Read(id)
	require.NoError(t, err)
	require.True(t, *f.Protected)
	require.Equal(t, []media.Event{event(1)}, f.Events)
	ids, err = s.Recordings()
	require.NoError(t, err)
	require.Equal(t, []media.ID{id}, ids)
	r := media.Recording{Events: []media.Event{event(2)}}
	f.Apply(&r)
	require.True(t, r.Protected)
	require.Equal(t, []media.Event{event(2), event(1)}, r.Events)
	require.NoError(t, s.Remove(id))
	require.NoError(t, s.Remove(id))
	f, err = s.Read(id)
	require.NoError(t, err)
	require.True(t, f.None())
}

// TestDamageIsSeenAndProtects checks that with any byte changed or missing the file is damaged and
// protects, and that the next change repairs it.
func TestDamageIsSeenAndProtects(t *testing.T) {
	s := In(t.TempDir())
	require.NoError(t, s.Change(id, protect(false)))
	good, err := os.ReadFile(s.file(id))
	require.NoError(t, err)
	for i := range good {
		for _, bad := range [][]byte{good[:i], append(append(append([]byte{}, good[:i]...), good[i]^0x40), good[i+1:]...)} {
			require.NoError(t, os.WriteFile(s.file(id), bad, 0o600))
			f, err := s.Read(id)
			require.ErrorIs(t, err, ErrDamaged, "%q", bad)
			require.True(t, *f.Protected)
		}
	}
	require.NoError(t, s.Change(id, func(f *Facts) error { require.True(t, *f.Protected); return nil }))
	f, err := s.Read(id)
	require.NoError(t, err)
	require.True(t, *f.Protected)
	require.NoError(t, os.Remove(s.file(id)))
	require.NoError(t, os.Mkdir(s.file(id), 0o700))
	f, err = s.Read(id)
	require.Error(t, err)
	require.True(t, *f.Protected, "what the disk does not tell may be")
}

// TestChangesAtATimeLoseNone checks concurrent changes through separate stores, as of several
// processes.
func TestChangesAtATimeLoseNone(t *testing.T) {
	dir := t.TempDir()
	var wg sync.WaitGroup
	for n := range 40 {
		wg.Go(func() {
			if err := In(dir).Change(id, add(n)); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	f, err := In(dir).Read(id)
	require.NoError(t, err)
	require.Len(t, f.Events, 40)
}

func TestTemporaryFilesOfACrashAreRemoved(t *testing.T) {
	s := In(t.TempDir())
	require.NoError(t, s.Change(id, protect(true)))
	left, other := s.file(id)+durable.Unfinished, filepath.Join(s.dir, "notes.txt")
	require.NoError(t, os.WriteFile(left, []byte("half"), 0o600))
	require.NoError(t, os.WriteFile(other, nil, 0o600))
	ids, err := s.Recordings()
	require.NoError(t, err)
	require.Equal(t, []media.ID{id}, ids)
	require.NoFileExists(t, left)
	require.FileExists(t, other, "it is not ours")
}

func TestTheStoreIsThatOfTheRecordDirectory(t *testing.T) {
	dir := t.TempDir()
	below := filepath.Join(dir, "live", "cam")
	require.NoError(t, os.MkdirAll(below, 0o700))
	s, err := Of(filepath.Join(below, "x.mp4"), ".identity-of-test")
	require.NoError(t, err)
	require.Equal(t, filepath.Join(below, Directory), s.dir)
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".identity-of-test"), nil, 0o600))
	s, err = Of(filepath.Join(below, "x.mp4"), ".identity-of-test")
	require.NoError(t, err)
	require.Equal(t, filepath.Join(dir, Directory), s.dir)
}

// promise is the state that was promised to be durable.
type promise struct {
	protected bool
	events    int
}

// changed makes changes on a disk in memory that skips the sync with number forget.
func changed(t *testing.T, forget int) *powercut.Disk {
	t.Helper()
	disk := powercut.New()
	disk.Forget(forget)
	s := on(powercut.Files{Disk: disk}, "r", func(filesystem.Own, string) (func(), error) { return func() {}, nil })
	for _, c := range []struct {
		change func(*Facts) error
		promise
	}{{protect(true), promise{true, 0}}, {add(1), promise{true, 1}}, {protect(false), promise{false, 1}}, {add(2), promise{false, 2}}} {
		require.NoError(t, s.Change(id, c.change))
		disk.Note(c.promise)
	}
	return disk
}

// TestFactsAfterAPowerCut checks that after a power cut at any operation the promised facts are
// there, or those of the next change, and are not damaged, and that each sync is needed.
func TestFactsAfterAPowerCut(t *testing.T) {
	all := []promise{{}, {true, 0}, {true, 1}, {false, 1}, {false, 2}}
	check := func(forget int) (broken string) {
		for state := range changed(t, forget).States(powercut.Options{Seed: 1, Random: 40}) {
			s := on(powercut.Files{Disk: state.Disk}, "r", nil)
			f, err := s.Read(id)
			if err != nil {
				return err.Error() + ": " + state.What
			}
			got := promise{f.Protected != nil && *f.Protected, len(f.Events)}
			n := len(state.Notes)
			if got != all[n] && (n+1 == len(all) || got != all[n+1]) {
				return state.What
			}
		}
		return ""
	}
	require.Empty(t, check(0))
	syncs, _ := changed(t, 0).Syncs()
	require.Greater(t, syncs, 8)
	for n := 1; n <= syncs; n++ {
		require.NotEmpty(t, check(n), "the check does not notice that sync %d is missing", n)
	}
}

func FuzzFacts(f *testing.F) {
	for _, n := range []int{1, 7} {
		facts := Facts{}
		_ = add(n)(&facts)
		_ = protect(true)(&facts)
		b, _ := encode(facts)
		f.Add(b)
	}
	f.Add([]byte("spool-facts-1 00000000 0\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		facts, err := decode(b)
		if err != nil {
			require.ErrorIs(t, err, ErrDamaged)
			return
		}
		again, err := encode(facts)
		require.NoError(t, err)
		same, err := decode(again)
		require.NoError(t, err)
		require.Equal(t, len(facts.Events), len(same.Events))
	})
}
