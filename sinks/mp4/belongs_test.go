package mp4

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// readCounter counts the bytes read of a file.
type readCounter struct {
	disk.File
	bytes int
}

func (c *readCounter) ReadAt(b []byte, at int64) (int, error) {
	c.bytes += len(b)
	return c.File.ReadAt(b, at)
}

func belongs(t *testing.T, path string, id media.ID) error {
	t.Helper()
	disk, err := disk.Open(filepath.Dir(path))
	require.NoError(t, err)
	defer disk.Close()
	f, err := disk.OpenRead(filepath.Base(path))
	require.NoError(t, err)
	defer f.Close()
	return Belongs(f, path, id)
}

// TestBelongsAcceptsTheFileOfTheRecording checks Belongs on a growing file and on each finished form, and that it does
// not read the tables.
func TestBelongsAcceptsTheFileOfTheRecording(t *testing.T) {
	t.Parallel()
	src := record(t, avc(8))
	for form := range forms {
		s, rec := finishedIn(t, src, form)
		require.NoError(t, belongs(t, s.path(rec), rec.ID), form)
		require.ErrorIs(t, belongs(t, s.path(rec), media.ID{9}), ErrOtherRecording, form)
	}
	pool := media.NewCheckedPool()
	s, seg := noted(t, src, pool, false, nil)
	require.NoError(t, belongs(t, s.path(s.last()), s.last().ID))
	require.ErrorIs(t, belongs(t, s.path(s.last()), media.ID{9}), ErrOtherRecording)
	require.NoError(t, s.end(seg, endcause.Stop))
	require.NoError(t, s.Close())

	disk, err := disk.Open(filepath.Dir(s.path(s.last())))
	require.NoError(t, err)
	defer disk.Close()
	f, err := disk.OpenRead(filepath.Base(s.path(s.last())))
	require.NoError(t, err)
	defer f.Close()
	counted := &readCounter{File: f}
	require.NoError(t, Belongs(counted, "x", s.last().ID))
	require.LessOrEqual(t, counted.bytes, 3*4096, "a block for the head, for the moov's and for the entry")
}

// TestBelongsRefusesAFileWithoutAValidEntry checks files without a valid entry: cut anywhere, with any byte of
// the identity changed, of another program, or empty.
func TestBelongsRefusesAFileWithoutAValidEntry(t *testing.T) {
	t.Parallel()
	s, rec := finishedIn(t, record(t, avc(4)), "moov first")
	whole, err := os.ReadFile(s.path(rec))
	require.NoError(t, err)
	_, entryAt, err := entryIn(t, s.path(rec))
	require.NoError(t, err)
	path := filepath.Join(t.TempDir(), "x.mp4")
	refused := func(data []byte, what string, n int) {
		require.NoError(t, os.WriteFile(path, data, 0o644))
		err := belongs(t, path, rec.ID)
		require.Error(t, err, "%s %d", what, n)
		var system syscall.Errno
		require.NotErrorAs(t, err, &system)
	}
	for n := 0; n < int(entryAt)+entryFixedBytes; n += 7 {
		refused(whole[:n], "cut at", n)
	}
	for n := entryFixedBytes; n < entryFixedBytes+200; n += 11 {
		turned := append([]byte(nil), whole...)
		turned[int(entryAt)+n] ^= 0x40
		refused(turned, "turned", n)
	}
	refused([]byte("\x00\x00\x00\x08free"), "foreign", 0)
}

func entryIn(t *testing.T, path string) (entry, int64, error) {
	t.Helper()
	disk, err := disk.Open(filepath.Dir(path))
	require.NoError(t, err)
	defer disk.Close()
	f, err := disk.OpenRead(filepath.Base(path))
	require.NoError(t, err)
	defer f.Close()
	return entryAt(f, path)
}

// TestProtectionOfAnotherRecordingIsNotTouched checks a file of another recording at the path.
func TestProtectionOfAnotherRecordingIsNotTouched(t *testing.T) {
	src, pool := record(t, avc(4)), media.NewCheckedPool()
	s := newSession(t, Defaults(), nil)
	set, chunks := src.chunks(t, pool, time.Second, nil)
	require.NoError(t, s.Open(context.Background()))
	seg := segment(set, 1)
	require.NoError(t, s.put(seg, chunks))
	require.ErrorIs(t, SetProtected(s.path(s.last()), media.ID{9}, true), ErrOtherRecording, "it grows")
	require.NoError(t, s.end(seg, endcause.Stop))
	require.NoError(t, s.Close())
	require.ErrorIs(t, SetProtected(s.path(s.last()), media.ID{9}, true), ErrOtherRecording)
	entry, err := ReadEntry(s.path(s.last()))
	require.NoError(t, err)
	require.False(t, entry.Protected)
}

func FuzzEntryAt(f *testing.F) {
	for _, b := range seedFiles(f) {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		e, at, err := entryAt(&memoryFile{b}, "fuzz.mp4")
		if err != nil {
			return
		}
		require.Less(t, at, int64(len(b)))
		_, _ = e.recording("x.mp4", 1)
	})
}
