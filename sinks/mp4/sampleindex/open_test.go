package sampleindex

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/isobmff"
)

// countedFile counts the bytes read of a file.
type countedFile struct {
	*os.File
	reads int
}

func (c *countedFile) ReadAt(b []byte, at int64) (int, error) {
	c.reads++
	return c.File.ReadAt(b, at)
}

// onDisk returns a file on the disk with the given bytes.
func onDisk(t testing.TB, b []byte) *countedFile {
	t.Helper()
	name := filepath.Join(t.TempDir(), "file.mp4")
	require.NoError(t, os.WriteFile(name, b, 0o600))
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, f.Close()) })
	return &countedFile{File: f}
}

// tabled returns a file with sample tables.
func tabled(t testing.TB) []byte {
	t.Helper()
	var tables [2]isobmff.TableBuilder
	for i := range tables {
		c := run(30, int64(i)*500)
		tables[i].Add(&c, 0, int64(5000+i*10_000))
	}
	return append(moovOf(tables[:], nil), make([]byte, 30_000)...)
}

// TestAnUnchangedFileIsNotRead checks that a file whose length and modification time match
// the index is not read, and that a file that was written or touched is read once.
func TestAnUnchangedFileIsNotRead(t *testing.T) {
	for name, b := range map[string][]byte{"tables": tabled(t), "fragments": fragmentsOf(t)} {
		s, file := In(t.TempDir()), onDisk(t, b)
		at := time.Unix(1_700_000_000, 123_456_789)
		opened := func(what string, read bool) *Stored {
			file.reads = 0
			x, err := s.Open(file, id)
			require.NoError(t, err, what)
			require.NoError(t, x.Unkept)
			require.NoError(t, x.Check())
			require.Equal(t, read, file.reads > 0, "%s: %s", name, what)
			require.NoError(t, x.Close())
			return x
		}
		require.NoError(t, os.Chtimes(file.Name(), at, at))
		first := opened("the first time", true)
		require.Equal(t, at.UnixNano(), first.Source.ModifiedNS)
		opened("again", false)

		require.NoError(t, os.Chtimes(file.Name(), at, at.Add(time.Nanosecond)))
		require.Equal(t, first.Source.Moov, opened("touched", true).Source.Moov)
		opened("touched, again", false)

		_, err := file.WriteAt([]byte{1}, 8+8+4) // the creation time of the mvhd
		require.NoError(t, err)
		require.NotEqual(t, first.Source.Moov, opened("written to", true).Source.Moov)
		opened("written to, again", false)

		info, err := file.Stat()
		require.NoError(t, err)
		_, err = file.WriteAt([]byte("\x00\x00\x00\x08free"), info.Size())
		require.NoError(t, err)
		require.NoError(t, os.Chtimes(file.Name(), at, info.ModTime()))
		opened("longer", true)
	}
}

// refusing is a disk that refuses new files.
type refusing struct{ durable.Disk }

var errFull = errors.New("full")

func (refusing) Create(string, fs.FileMode) (durable.File, error) { return nil, errFull }

// TestAnIndexThatCannotBeKeptIsInMemory checks that it is returned with the error, and that a stored
// index stays.
func TestAnIndexThatCannotBeKeptIsInMemory(t *testing.T) {
	dir, file := t.TempDir(), onDisk(t, tabled(t))
	full := On(refusing{}, dir)
	x, err := full.Open(file, id)
	require.NoError(t, err)
	require.ErrorIs(t, x.Unkept, errFull)
	require.NoError(t, x.Check())
	require.EqualValues(t, 30, x.Tracks[1].Samples)
	require.NoError(t, x.Close())
	_, err = full.Stored(id)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.ErrorIs(t, full.Rebuild(file, id), errFull)
}

// untimed is a file on a file system without times.
type untimed struct{ *countedFile }

type untimedInfo struct{ fs.FileInfo }

func (u untimed) Stat() (fs.FileInfo, error) {
	info, err := u.countedFile.Stat()
	return untimedInfo{info}, err
}

func (untimedInfo) ModTime() time.Time { return time.Time{} }

// TestWithoutATimeOfChangeTheFileIsRead checks that the file is read each time.
func TestWithoutATimeOfChangeTheFileIsRead(t *testing.T) {
	s, file := In(t.TempDir()), onDisk(t, tabled(t))
	for range 3 {
		file.reads = 0
		x, err := s.Open(untimed{file}, id)
		require.NoError(t, err)
		require.Zero(t, x.Source.ModifiedNS)
		require.NotZero(t, file.reads)
		require.NoError(t, x.Close())
	}
	require.NoError(t, os.Truncate(file.Name(), 100))
	_, err := s.Open(file, id)
	require.ErrorIs(t, err, ErrNoTables)
	x, err := s.Stored(id)
	require.NoError(t, err, "the index of a file that is cut is left")
	require.NoError(t, x.Close())
}
