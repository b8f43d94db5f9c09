package durable_test

import (
	"errors"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/sinks/mp4/powercut"
)

// work makes a directory some levels deep and replaces a file in it several times. Each Note holds the last promised
// content.
func work(t *testing.T, forget int) *powercut.Disk {
	t.Helper()
	disk := powercut.New()
	disk.Forget(forget)
	files := powercut.Files{Disk: disk}
	require.NoError(t, durable.MkdirAll(files, dir, 0o700))
	disk.Note("")
	for n := range 4 {
		text := strings.Repeat(strconv.Itoa(n), 700*(4-n))
		require.NoError(t, durable.Replace(files, name, []byte(text), 0o600))
		disk.Note(text)
	}
	return disk
}

const dir, name = "a/b/c", "a/b/c/file"

// broken returns how a state breaks its promise: the directory is gone, or the file has neither the promised content
// nor the next one.
func broken(s powercut.State) string {
	if len(s.Notes) == 0 {
		return ""
	}
	files := powercut.Files{Disk: s.Disk}
	if _, err := files.Stat(dir); err != nil {
		return "the directory is gone"
	}
	promised := s.Notes[len(s.Notes)-1].(string)
	text, err := files.Read(name)
	next := strings.Repeat(strconv.Itoa(len(s.Notes)-1), max(0, 700*(5-len(s.Notes))))
	switch {
	case err != nil && promised == "", string(text) == promised, err == nil && string(text) == next:
		return ""
	case err != nil:
		return "the file is gone"
	}
	return "the file is by half"
}

// A power cut after any operation leaves the promised content.
func TestNothingIsBrokenByAPowerCut(t *testing.T) {
	states := 0
	for s := range work(t, 0).States(powercut.Options{Seed: 1, Random: 40}) {
		states++
		require.Empty(t, broken(s), "cut after operation %d, %s", s.Cut, s.What)
		require.NoError(t, durable.MkdirAll(powercut.Files{Disk: s.Disk}, dir, 0o700))
		require.NoError(t, durable.Replace(powercut.Files{Disk: s.Disk}, name, []byte("after"), 0o600), "the leftovers of a crash do not prevent a replacement")
	}
	require.Greater(t, states, 50)
}

// TestForgottenSyncIsSeen leaves out each sync in turn: a state then breaks the promise.
func TestForgottenSyncIsSeen(t *testing.T) {
	syncs, _ := work(t, 0).Syncs()
	require.Equal(t, 3+4*2, syncs, "one a level, two a file")
	for n := 1; n <= syncs; n++ {
		disk, caught := work(t, n), ""
		for s := range disk.States(powercut.Options{Seed: 1, Random: 40}) {
			if caught = broken(s); caught != "" {
				break
			}
		}
		_, what := disk.Syncs()
		require.NotEmpty(t, caught, "no state shows that sync %d is missing: %s", n, what)
	}
}

// TestFilesOnTheRealDisk replaces a file, with the leftovers of a crash beside it: they are removed, and no other file
// remains.
func TestFilesOnTheRealDisk(t *testing.T) {
	disk, at := durable.Disk{}, filepath.Join(t.TempDir(), "x", "y")
	require.NoError(t, durable.MkdirAll(disk, at, 0o700))
	require.NoError(t, durable.MkdirAll(disk, at, 0o700))
	file := filepath.Join(at, "f")
	_, err := disk.Create(file+durable.Unfinished, 0o600)
	require.NoError(t, err)
	for _, text := range []string{"one, and longer", "two"} {
		require.NoError(t, durable.Replace(disk, file, []byte(text), 0o640))
		got, err := disk.Read(file)
		require.NoError(t, err)
		require.Equal(t, text, string(got))
	}
	list, err := disk.List(at)
	require.NoError(t, err)
	require.Len(t, list, 1)
	if err := disk.SyncFS(at); !errors.Is(err, errors.ErrUnsupported) { // the platform may lack it
		require.NoError(t, err)
	}
	require.ErrorContains(t, durable.MkdirAll(disk, file, 0o700), "a file has that name")
	require.Error(t, durable.MkdirAll(disk, filepath.Join(file, "z"), 0o700))
	require.Error(t, durable.Replace(disk, filepath.Join(at, "none", "f"), nil, 0o600))
	require.NoError(t, disk.Mkdir(filepath.Join(at, "d"), 0o700))
	require.Error(t, durable.Replace(disk, filepath.Join(at, "d"), []byte("x"), 0o600))
	list, err = disk.List(at)
	require.NoError(t, err)
	require.Len(t, list, 2, "a file that could not be renamed is removed")
}

// The package needs only the calls that every file system has, see package filesystem.
func TestFilesOnADiskThatLacksCalls(t *testing.T) {
	refuse := func(err error) func(int) error { return func(int) error { return err } }
	for _, err := range []error{unix.EINVAL, unix.ENOSYS, unix.EOPNOTSUPP, unix.ENOTTY} {
		disk := durable.Disk{Calls: filesystem.Calls{
			Fsync: refuse(err), FsyncDir: refuse(err), Fallocate: func(int, uint32, int64, int64) error { return err },
		}}
		dir := filepath.Join(t.TempDir(), "x")
		require.NoError(t, durable.MkdirAll(disk, dir, 0o700))
		require.NoError(t, durable.Replace(disk, filepath.Join(dir, "f"), []byte("text"), 0o600), "%v", err)
		f, open := disk.Create(filepath.Join(dir, "spare"), 0o600)
		require.NoError(t, open)
		require.NoError(t, f.Allocate(1<<13), "%v", err)
		require.NoError(t, f.Close())
		info, stat := disk.Stat(filepath.Join(dir, "spare"))
		require.NoError(t, stat)
		require.EqualValues(t, 1<<13, info.Size())
	}
	disk := durable.Disk{Calls: filesystem.Calls{Fsync: refuse(unix.EIO)}}
	require.ErrorIs(t, durable.Replace(disk, filepath.Join(t.TempDir(), "f"), nil, 0o600), unix.EIO)
}
