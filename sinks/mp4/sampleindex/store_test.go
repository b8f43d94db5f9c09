package sampleindex

import (
	"bytes"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/powercut"
)

// TestAPowerCutLeavesTheIndexOrNone checks that a power cut leaves the complete index or none, and
// keeps the index for which Write returned.
func TestAPowerCutLeavesTheIndexOrNone(t *testing.T) {
	b := fragmentsOf(t)
	text, err := Build(bytes.NewReader(b), source(int64(len(b))))
	require.NoError(t, err)
	disk := powercut.New()
	s := On(powercut.Files{Disk: disk}, "record")
	require.NoError(t, s.Write(id, text))
	disk.Note("written")
	states := 0
	for c := range disk.States(powercut.Options{Seed: 1, Random: 40}) {
		states++
		after := On(powercut.Files{Disk: c.Disk}, "record")
		got, err := after.disk.Read(after.file(id))
		if err != nil {
			require.Empty(t, c.Notes)
			require.NoError(t, after.Write(id, text), "a temporary file of a crash does no harm")
			continue
		}
		require.Equal(t, text, got, "it is there as a whole")
	}
	require.Greater(t, states, 5)
}

// Without syncs a power cut may damage the index, and each state is refused or has the whole index.
func TestAnUnsyncedIndexIsWholeOrDamaged(t *testing.T) {
	b := fragmentsOf(t)
	text, err := Build(bytes.NewReader(b), source(int64(len(b))))
	require.NoError(t, err)
	disk := powercut.New()
	s := On(powercut.Files{Disk: disk}, "record").Unsynced()
	require.NoError(t, s.Write(id, text))
	syncs, _ := disk.Syncs()
	require.Zero(t, syncs)
	whole, damaged := 0, 0
	for c := range disk.States(powercut.Options{Seed: 1, Random: 40}) {
		after := On(powercut.Files{Disk: c.Disk}, "record")
		got, err := after.disk.Read(after.file(id))
		switch {
		case err != nil:
			continue
		case bytes.Equal(got, text):
			whole++
		default:
			damaged++
			_, err := index.Open(bytes.NewReader(got), int64(len(got)))
			require.ErrorIs(t, err, index.ErrDamaged)
		}
	}
	require.NotZero(t, whole)
	require.NotZero(t, damaged)
}

func TestIndexesAreKeptByRecording(t *testing.T) {
	s, file := In(t.TempDir()), onDisk(t, fragmentsOf(t))
	_, err := s.Stored(id)
	require.ErrorIs(t, err, fs.ErrNotExist)
	ids, err := s.Recordings(1000)
	require.NoError(t, err)
	require.Empty(t, ids)
	require.NoError(t, s.Remove(id))

	x, err := s.Open(file, id)
	require.NoError(t, err)
	require.Equal(t, id, x.Source.Recording)
	require.NoError(t, x.Close())
	ids, err = s.Recordings(1000)
	require.NoError(t, err)
	require.Equal(t, 1, len(ids))
	require.Equal(t, id, ids[0])
	x, err = s.Stored(id)
	require.NoError(t, err, "the file is not needed")
	require.NoError(t, x.Check())
	require.NoError(t, x.Close())

	other := id
	other[15]++
	text, err := s.disk.Read(s.file(id))
	require.NoError(t, err)
	require.NoError(t, s.Write(other, text))
	_, err = s.Stored(other)
	require.ErrorIs(t, err, index.ErrDamaged, "it is of another recording")
	require.NoError(t, s.Remove(id))
	_, err = s.Stored(id)
	require.ErrorIs(t, err, fs.ErrNotExist)
}

// TestAnIndexThatIsBeingWrittenIsLeftAlone checks that Recordings keeps its temporary file, and that
// Remove deletes it.
func TestAnIndexThatIsBeingWrittenIsLeftAlone(t *testing.T) {
	s := In(t.TempDir())
	unfinished := s.file(id) + durable.Unfinished
	require.NoError(t, os.MkdirAll(filepath.Dir(unfinished), 0o755))
	require.NoError(t, os.WriteFile(unfinished, []byte("x"), 0o644))
	ids, err := s.Recordings(1000)
	require.NoError(t, err)
	require.Equal(t, []media.ID{id}, ids)
	require.FileExists(t, unfinished)
	require.NoError(t, s.Remove(id))
	require.NoDirExists(t, filepath.Dir(unfinished))
}

// TestRecordingsAreListedInParts checks that each part is limited, and that each recording is in some
// part.
func TestRecordingsAreListedInParts(t *testing.T) {
	s := In(t.TempDir())
	for n := range byte(20) {
		other := id
		other[0], other[2] = n, n
		require.NoError(t, s.Write(other, []byte("x")))
	}
	seen := map[byte]bool{}
	for len(seen) < 20 {
		ids, err := s.Recordings(3)
		require.NoError(t, err)
		require.Len(t, ids, 3)
		for _, id := range ids {
			seen[id[0]] = true
		}
	}
}

// Viewers and the recorder may store one index at one time: each of them succeeds, and the index is whole.
func TestOneIndexIsStoredBySeveralAtOnce(t *testing.T) {
	b := fragmentsOf(t)
	text, err := Build(bytes.NewReader(b), source(int64(len(b))))
	require.NoError(t, err)
	dir := t.TempDir()
	failed := make(chan error)
	const writers = 8
	for range writers {
		go func() {
			var err error
			for range 50 {
				err = errors.Join(err, In(dir).Unsynced().Write(id, text))
			}
			failed <- err
		}()
	}
	for range writers {
		require.NoError(t, <-failed)
	}
	x, err := In(dir).Stored(id)
	require.NoError(t, err)
	require.NoError(t, x.Check())
	require.NoError(t, x.Close())
}
