package filesystem_test

import (
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/filesystem"
)

// A name that leaves the directory, that crosses a link, or that is no regular file is not opened, and a pipe does not
// block the caller.
func TestOnlyFilesOfADirectoryAreOpened(t *testing.T) {
	above := t.TempDir()
	dir := filepath.Join(above, "dir")
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "a", "b"), 0o755))
	for name, text := range map[string]string{"top": "1", "a/b/c": "2", "../secret": "3"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	for name, to := range map[string]string{"way": "a", "out": "..", "link": "top", "a/b/link": filepath.Join(above, "secret"), "loop": "loop", "gone": "none"} {
		require.NoError(t, os.Symlink(to, filepath.Join(dir, name)))
	}
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "pipe"), 0o600))
	require.NoError(t, unix.Mkfifo(filepath.Join(dir, "a", "pipe"), 0o600))
	require.NoError(t, os.Symlink("/dev/zero", filepath.Join(dir, "zero")))
	socket, err := unix.Socket(unix.AF_UNIX, unix.SOCK_STREAM, 0)
	require.NoError(t, err)
	defer unix.Close(socket)
	require.NoError(t, unix.Bind(socket, &unix.SockaddrUnix{Name: filepath.Join(dir, "socket")}))
	top, err := os.Open(dir)
	require.NoError(t, err)
	defer top.Close()

	for name, want := range map[string]string{"top": "1", "a/b/c": "2"} {
		f, err := filesystem.OpenBelow(top, name, os.O_RDWR, 0)
		require.NoError(t, err, name)
		text, err := io.ReadAll(f)
		require.NoError(t, err)
		require.Equal(t, want, string(text))
		require.Equal(t, filepath.Join(dir, name), f.Name())
		info, err := filesystem.LstatBelow(top, name)
		require.NoError(t, err)
		require.True(t, info.Mode().IsRegular())
		require.NoError(t, f.Close())
	}
	for _, name := range []string{
		"", "/", "..", "../secret", "a/../../secret", filepath.Join(above, "secret"), "top\x00", "way/b/c", "out/secret", "out/dir/top", "link", "a/b/link", "loop", "loop/x", "gone", "pipe", "a/pipe", "zero", "socket", "top/x",
	} {
		for _, flag := range []int{os.O_RDONLY, os.O_RDWR, os.O_WRONLY} {
			_, err := filesystem.OpenBelow(top, name, flag, 0)
			require.ErrorIs(t, err, filesystem.ErrNotBelow, "%q", name)
			require.NotErrorIs(t, err, fs.ErrNotExist, "%q", name)
		}
	}
	for _, name := range []string{"../secret", "way/b/c", "out/secret"} {
		_, err := filesystem.LstatBelow(top, name)
		require.ErrorIs(t, err, filesystem.ErrNotBelow, name)
	}
	info, err := filesystem.LstatBelow(top, "a/b/link")
	require.NoError(t, err)
	require.Equal(t, fs.ModeSymlink, info.Mode().Type())
	for _, name := range []string{"none", "a/none", "none/x"} {
		_, err := filesystem.OpenBelow(top, name, os.O_RDONLY, 0)
		require.ErrorIs(t, err, fs.ErrNotExist, name)
	}
	for _, name := range []string{"link", "gone", "top", "pipe"} {
		_, err := filesystem.OpenBelow(top, name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
		require.ErrorIs(t, err, fs.ErrExist, name)
	}
	f, err := filesystem.OpenBelow(top, "a/new", os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.NoFileExists(t, filepath.Join(dir, "none"))
}
