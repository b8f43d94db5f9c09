package metadata

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/database"
	"github.com/gospool/spool/sinks/metadata/journal"
)

// setSystem makes system calls fail as a file system may, until the test ends.
func setSystem(t *testing.T, calls filesystem.Calls) {
	t.Helper()
	ofJournal, ofDatabase := journal.System, database.System
	t.Cleanup(func() { journal.System, database.System = ofJournal, ofDatabase })
	journal.System, database.System = calls, calls
}

// On a file system without shared memory or locks the database is used over one connection; the
// file format is the same, so that databases move between both kinds of file system.
func TestASQLiteFileThatCannotBeShared(t *testing.T) {
	refuse := func(e unix.Errno) func(int) error { return func(int) error { return e } }
	for name, calls := range map[string]filesystem.Calls{
		"no shared memory": {Mmap: refuse(unix.ENODEV)},
		"no locks":         {Setlk: refuse(unix.ENOLCK)},
		"neither":          {Mmap: refuse(unix.ENODEV), Setlk: refuse(unix.ENOSYS), Flock: refuse(unix.ENOLCK)},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file, log := filepath.Join(dir, "spool.db"), filepath.Join(dir, "journal")
			var put []media.Recording
			for i, on := range []filesystem.Calls{{}, calls, calls, {}} {
				setSystem(t, on)
				dsn := file
				if i == 2 { // a setting in the DSN does not change that
					dsn += "?_pragma=journal_mode(WAL)&_pragma=locking_mode(NORMAL)"
				}
				c := openWith(t, OpenOptions{Driver: "sqlite", DSN: dsn, JournalDir: log})
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
				_, err := Open(t.Context(), OpenOptions{Driver: "sqlite", DSN: dsn, JournalDir: log, Tasks: c.opts.Tasks})
				require.ErrorIs(t, err, journal.ErrJournalTaken)
				c.close()
			}
			require.NoFileExists(t, filepath.Join(log, ".lock.lock"))
			_, err := os.Stat(file)
			require.NoError(t, err)
		})
	}
}
