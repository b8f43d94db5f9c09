package metadata

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/database"
)

// setSystem lets a file system refuse calls until the test ends.
func setSystem(t *testing.T, calls filesystem.Calls) {
	t.Helper()
	ofJournal, ofDatabase := system, database.System
	t.Cleanup(func() { system, database.System = ofJournal, ofDatabase })
	system, database.System = calls, calls
}

// On a file system without shared memory or locks the database is used over one
// connection; it is the same database, also one that was made with both.
func TestASQLiteFileThatCannotBeShared(t *testing.T) {
	refuse := func(e unix.Errno) func(int) error { return func(int) error { return e } }
	for name, calls := range map[string]filesystem.Calls{
		"no shared memory": {Mmap: refuse(unix.ENODEV)},
		"no locks":         {Setlk: refuse(unix.ENOLCK)},
		"neither":          {Mmap: refuse(unix.ENODEV), Setlk: refuse(unix.ENOSYS), Flock: refuse(unix.ENOLCK)},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file, journal := filepath.Join(dir, "spool.db"), filepath.Join(dir, "journal")
			var put []media.Recording
			for i, on := range []filesystem.Calls{{}, calls, calls, {}} {
				setSystem(t, on)
				dsn := file
				if i == 2 { // what the DSN sets is no reason to share it
					dsn += "?_pragma=journal_mode(WAL)&_pragma=locking_mode(NORMAL)"
				}
				c := openWith(t, OpenOptions{Driver: "sqlite", DSN: dsn, JournalDir: journal})
				put = append(put, sample(i, "live/cam"))
				require.NoError(t, c.Ready(t.Context()))
				require.NoError(t, c.Put(t.Context(), put[i]))
				require.NoError(t, c.Flush(t.Context()))
				for _, rec := range put {
					_, err := c.Record(t.Context(), rec.ID)
					require.NoError(t, err)
				}
				alone := i == 1 || i == 2
				require.Equal(t, alone, c.store.Load().RW == c.store.Load().RO)
				if alone {
					require.NoFileExists(t, file+"-shm")
				} else {
					require.FileExists(t, file+"-shm")
				}
				_, err := Open(t.Context(), OpenOptions{Driver: "sqlite", DSN: dsn, JournalDir: journal, Tasks: c.opts.Tasks})
				require.ErrorIs(t, err, ErrJournalTaken)
				c.close()
			}
			require.NoFileExists(t, filepath.Join(journal, ".lock.lock"))
			_, err := os.Stat(file)
			require.NoError(t, err)
		})
	}
}

// A lock that may be another host's is said, and how to cure it; it is not the other
// process on this one that is to be stopped.
func TestALockOfAnotherHostIsSaid(t *testing.T) {
	setSystem(t, filesystem.Calls{Flock: func(int) error { return unix.ENOLCK }})
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".lock.lock"), []byte(`host="another" boot=x space=pid:[1] pid=1 began=1`), 0o600))
	_, _, err := openJournal(durable.Disk{}, dir, func() int64 { return 1 })
	require.ErrorIs(t, err, filesystem.ErrPerhapsLocked)
	require.ErrorContains(t, err, "delete it")
	require.NotErrorIs(t, err, ErrJournalTaken)
}
