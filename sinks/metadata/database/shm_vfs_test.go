package database

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// index is the part of a write-ahead log's index that the test reads: see "WAL-Index File
// Format" of SQLite.
type index struct {
	frames uint32 // frames of the log in use
	marks  [5]uint32
}

func readIndex(t *testing.T, f *os.File) (x index) {
	t.Helper()
	var header [120]byte
	_, err := f.ReadAt(header[:], 0)
	require.NoError(t, err)
	x.frames = binary.NativeEndian.Uint32(header[16:])
	for i := range x.marks {
		x.marks[i] = binary.NativeEndian.Uint32(header[100+4*i:])
	}
	return x
}

// A system call waits for the disk before the log's index is written: SQLite's own write would be a
// page fault, in which a stopped disk blocks the whole process.
func TestIndexOfTheLogWaitsForTheDisk(t *testing.T) {
	file := filepath.Join(t.TempDir(), "spool.db")
	real := awaitDisk
	var log, shm *os.File // closed after SQLite: closing them releases its locks
	type asked struct {
		index index
		log   int64 // bytes
	}
	var waits []asked
	awaitDisk = func(path string) {
		real(path)
		if shm == nil {
			return
		}
		require.Equal(t, file+"-shm", path)
		size, err := log.Stat()
		require.NoError(t, err)
		waits = append(waits, asked{readIndex(t, shm), size.Size()})
	}
	t.Cleanup(func() { awaitDisk = real })

	target, err := Parse("sqlite", file)
	require.NoError(t, err)
	db, err := target.Open(t.Context())
	require.NoError(t, err)
	for path, f := range map[string]**os.File{file + "-wal": &log, file + "-shm": &shm} {
		*f, err = os.Open(path)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, (*f).Close()) })
	}
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	during := func(do string, in func(statement string) error) []asked {
		waits = nil
		require.NoError(t, in(do))
		return waits
	}
	write := func(s string) error { _, err := db.RW.ExecContext(t.Context(), s); return err }
	read := func(s string) error { _, err := db.RO.ExecContext(t.Context(), s); return err }
	const insert, insert2, query = "INSERT INTO spool_streams (path) VALUES ('a')", "INSERT INTO spool_streams (path) VALUES ('b')", "SELECT 1 FROM spool_streams"

	size, err := log.Stat()
	require.NoError(t, err)
	before := readIndex(t, shm)
	waited := during(insert, write)
	require.Greater(t, readIndex(t, shm).frames, before.frames)
	require.GreaterOrEqual(t, len(waited), 2, "when it begins, and when its frames are in the log")
	require.Equal(t, before, waited[0].index, "nothing is written when it begins")
	last := waited[len(waited)-1]
	require.Greater(t, last.log, size.Size(), "the frames are in the log")
	require.Equal(t, before.frames, last.index.frames, "and not yet in the index")

	before = readIndex(t, shm)
	waited = during(query, read)
	require.Len(t, waited, 1, "the first reader behind a commit moves a mark")
	require.Equal(t, before, waited[0].index)
	require.NotEqual(t, before, readIndex(t, shm))
	require.Empty(t, during(query, read), "the next one writes nothing: it reads from a stopped disk")

	during(insert2, write)
	before = readIndex(t, shm)
	require.NotContains(t, before.marks, before.frames)
	waits = nil
	db.Committed(t.Context())
	require.Len(t, waits, 1)
	require.Equal(t, before, waits[0].index)
	require.Contains(t, readIndex(t, shm).marks, before.frames)
	require.Empty(t, during(query, read), "nor does the first one where the writer has moved the mark")

	before = readIndex(t, shm)
	waited = during("PRAGMA wal_checkpoint(PASSIVE)", write)
	require.NotEmpty(t, waited, "a checkpoint says in the index how far it came")
	require.Equal(t, before.frames, waited[0].index.frames)
}
