package filesystem

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// real are errors that never mean that a call is missing.
var real = []unix.Errno{unix.EIO, unix.ENOSPC, unix.EDQUOT, unix.EROFS, unix.ESTALE, unix.EMFILE}

// refuse makes one call fail.
func refuse(what call, err error) *Calls {
	c := &Calls{}
	fails := func(int) error { return err }
	names := func(int, string, string) error { return err }
	switch what {
	case renameNoReplace:
		c.Renameat2 = names
	case link:
		c.Linkat = names
	case lock:
		c.Flock = fails
	case allocate, punch:
		c.Fallocate = func(int, uint32, int64, int64) error { return err }
	case datasync:
		c.Fdatasync = fails
	case sync:
		c.Fdatasync, c.Fsync = fails, fails
	case syncDir:
		c.FsyncDir, c.Syncfs = fails, fails
	case mapping:
		c.Mmap = fails
	case recordLock:
		c.Setlk = fails
	case chmod:
		c.Fchmod, c.Fchown = func(int, uint32) error { return err }, func(int, int) error { return err }
	}
	return c
}

// perform makes a call that may be refused, with its fallback.
func perform(t *testing.T, c *Calls, what call) error {
	t.Helper()
	dir := t.TempDir()
	f, err := os.Create(filepath.Join(dir, "a"))
	require.NoError(t, err)
	defer f.Close()
	d, err := os.Open(dir)
	require.NoError(t, err)
	defer d.Close()
	switch what {
	case renameNoReplace, link:
		if err := c.RenameNew(int(d.Fd()), "a", "b"); err != nil {
			require.FileExists(t, filepath.Join(dir, "a"))
			return err
		}
		require.NoFileExists(t, filepath.Join(dir, "a"))
		require.FileExists(t, filepath.Join(dir, "b"))
		require.NoError(t, os.WriteFile(filepath.Join(dir, "c"), []byte("not to be replaced"), 0o600))
		require.ErrorIs(t, c.RenameNew(int(d.Fd()), "c", "b"), os.ErrExist)
		require.FileExists(t, filepath.Join(dir, "c"))
		return nil
	case lock:
		root, err := os.OpenRoot(dir)
		require.NoError(t, err)
		defer root.Close()
		unlock, err := c.Lock(root, "a", f)
		if err == nil {
			unlock()
		}
		return err
	case allocate:
		return c.Allocate(int(f.Fd()), 0, 4096)
	case punch:
		return c.Punch(int(f.Fd()), 0, 4096)
	case datasync:
		return c.Datasync(int(f.Fd()))
	case sync:
		return c.Sync(int(f.Fd()))
	case syncDir:
		return c.SyncDir(int(d.Fd()))
	case chmod:
		return errors.Join(c.Chmod(int(f.Fd()), 0o600), c.Chgrp(int(f.Fd()), 0))
	}
	return nil
}

// Each error for a missing call leads to the fallback; an error of a failed or full disk is returned.
func TestOnlyAMissingCallUsesTheFallback(t *testing.T) {
	for _, what := range []call{renameNoReplace, link, lock, allocate, punch, datasync, sync, syncDir, chmod} {
		for _, e := range refusals[what] {
			t.Run(fmt.Sprint(what, " ", e), func(t *testing.T) {
				c := refuse(what, e)
				if what == link {
					c.Renameat2 = func(int, string, string) error { return unix.EINVAL }
				}
				err := perform(t, c, what)
				if what == allocate || what == punch {
					require.ErrorIs(t, err, errors.ErrUnsupported)
					return
				}
				require.NoError(t, err)
			})
		}
		for _, e := range real {
			t.Run(fmt.Sprint(what, " ", e), func(t *testing.T) {
				c := refuse(what, e)
				if what == link {
					c.Renameat2 = func(int, string, string) error { return unix.ENOSYS }
				}
				err := perform(t, c, what)
				require.ErrorIs(t, err, e)
				require.NotErrorIs(t, err, errors.ErrUnsupported)
			})
		}
	}
}

// The error of a failed disk is returned from a fallback, too.
func TestAFailureOfTheFallbackIsReturned(t *testing.T) {
	c := &Calls{Fdatasync: func(int) error { return unix.EINVAL }, Fsync: func(int) error { return unix.EIO }}
	require.ErrorIs(t, perform(t, c, datasync), unix.EIO)
}

// If a directory cannot be synced by itself, its whole file system is synced.
func TestADirectoryIsSyncedWithItsFileSystem(t *testing.T) {
	synced := 0
	c := &Calls{FsyncDir: func(int) error { return unix.EINVAL }, Syncfs: func(int) error { synced++; return nil }}
	require.NoError(t, perform(t, c, syncDir))
	require.Equal(t, 1, synced)
	require.False(t, c.Probe(t.TempDir()).Gone())
	c.Syncfs = func(int) error { return unix.EIO }
	require.ErrorIs(t, perform(t, c, syncDir), unix.EIO)
}

// Signals arrive at any time, and over FUSE and NFS they interrupt calls that wait.
func TestACallThatWasInterruptedIsMadeAgain(t *testing.T) {
	n := 0
	require.NoError(t, again(func() error {
		if n++; n < 3 {
			return unix.EINTR
		}
		return nil
	}))
	require.Equal(t, 3, n)
}

// Many goroutines create one name at once, on a file system with neither RENAME_NOREPLACE nor links: one succeeds.
func TestANameIsTakenOnceInAProcess(t *testing.T) {
	dir := t.TempDir()
	d, err := os.Open(dir)
	require.NoError(t, err)
	defer d.Close()
	fails := func(int, string, string) error { return unix.ENOSYS }
	c := &Calls{Renameat2: fails, Linkat: fails}
	var took atomic.Int32
	begin, done := make(chan struct{}), make(chan struct{})
	const many = 64
	for n := range many {
		name := fmt.Sprint("from", n)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(name), 0o600))
		go func() {
			<-begin
			if c.RenameNew(int(d.Fd()), name, "to") == nil {
				took.Add(1)
			}
			done <- struct{}{}
		}()
	}
	close(begin)
	for range many {
		<-done
	}
	require.EqualValues(t, 1, took.Load())
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, many, "no file was replaced")
}
