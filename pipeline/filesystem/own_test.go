package filesystem

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// No operation follows a link, whether the link is the name itself or a directory on its way. The target of the link
// stays unchanged.
func TestNoLinkIsFollowedToFilesThatSpoolKeeps(t *testing.T) {
	home := t.TempDir()
	real, top, outside := filepath.Join(home, "real"), filepath.Join(home, "top"), filepath.Join(home, "outside")
	for _, dir := range []string{filepath.Join(real, "d"), filepath.Join(outside, "d")} {
		require.NoError(t, os.MkdirAll(dir, 0o700))
	}
	require.NoError(t, os.Symlink(real, top), "which is the operator's to do")
	victim := filepath.Join(outside, "d", "file")
	require.NoError(t, os.WriteFile(victim, []byte("whole"), 0o644))
	for link, to := range map[string]string{"link": victim, "nowhere": filepath.Join(outside, "new"), "way": outside, "near": "d", "d/link": victim} {
		require.NoError(t, os.Symlink(to, filepath.Join(top, link)))
	}
	require.NoError(t, unix.Mkfifo(filepath.Join(top, "pipe"), 0o600))
	own := Own{Top: top}
	asks := map[string]func(name string) error{
		"create": func(name string) error {
			_, err := own.Open(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
			return err
		},
		"lock": func(name string) error { _, err := own.Open(name, os.O_CREATE|os.O_RDWR, 0o600); return err },
		"cut": func(name string) error {
			_, err := own.Open(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
			return err
		},
		"write": func(name string) error { _, err := own.Open(name, os.O_WRONLY, 0); return err },
		"read":  func(name string) error { _, err := own.ReadAtMost(name, 100); return err },
		"stat":  func(name string) error { _, err := own.Stat(name); return err },
		"list":  func(name string) error { _, err := own.List(name); return err },
		"mkdir": func(name string) error { _, err := own.Mkdir(name, 0o700); return err },
		"flock": func(name string) error { _, err := LockPathShared(own, name); return err },
	}
	for name, at := range map[string]string{
		"link": "link", "nowhere": "nowhere", "near": "near", "d/link": "d/link", "pipe": "pipe", "way/d/file": "way", "way/new": "way", "near/new": "near",
	} {
		for what, ask := range asks {
			err := ask(filepath.Join(top, name))
			if at == name && (what == "create" || what == "mkdir") {
				require.ErrorIs(t, err, fs.ErrExist, "%s %s", what, name)
				continue
			}
			require.ErrorIs(t, err, ErrNotBelow, "%s %s", what, name)
			require.ErrorContains(t, err, filepath.Join(top, at)+" is a ", "%s %s", what, name)
			require.ErrorContains(t, err, "remove it")
		}
	}
	for _, name := range []string{"way/d/file", "way/new"} {
		require.ErrorIs(t, own.Remove(filepath.Join(top, name)), ErrNotBelow)
		require.ErrorIs(t, own.Rename(filepath.Join(top, "d"), filepath.Join(top, name)), ErrNotBelow)
		require.ErrorIs(t, own.Rename(filepath.Join(top, name), filepath.Join(top, "d", "x")), ErrNotBelow)
	}
	text, err := os.ReadFile(victim)
	require.NoError(t, err)
	require.Equal(t, "whole", string(text))
	require.NoFileExists(t, filepath.Join(outside, "new"))
	require.NoError(t, own.Remove(filepath.Join(top, "link")), "the link goes")
	require.FileExists(t, victim)
}

// Own accepts absolute and relative paths.
func TestFilesThatSpoolKeepsAreMadeAndReplaced(t *testing.T) {
	home := t.TempDir()
	t.Chdir(home)
	require.NoError(t, os.Mkdir("top", 0o700))
	for _, own := range []Own{{Top: "top"}, {Top: filepath.Join(home, "top")}, {Top: "top", Dir: func() (*os.File, error) { return os.Open("top") }}, {}} {
		made, err := own.Mkdir("top/d", 0o700)
		require.NoError(t, err)
		require.NoError(t, made.Close())
		for _, name := range []string{"top/d/b", "top/d/a"} {
			f, err := own.Open(name, os.O_CREATE|os.O_RDWR, 0o600)
			require.NoError(t, err)
			_, err = f.WriteString(name)
			require.NoError(t, err)
			require.NoError(t, f.Close())
		}
		require.NoError(t, own.Rename("top/d/b", "top/d/a"))
		list, err := own.List("top/d")
		require.NoError(t, err)
		require.Len(t, list, 1)
		text, err := own.ReadAtMost("top/d/a", 100)
		require.NoError(t, err)
		require.Equal(t, "top/d/b", string(text))
		_, err = own.ReadAtMost("top/d/a", 3)
		require.ErrorContains(t, err, "more than the 3 bytes")
		info, err := own.Stat("top")
		require.NoError(t, err)
		require.True(t, info.IsDir())
		_, err = own.Stat("top/d/none")
		require.ErrorIs(t, err, fs.ErrNotExist)
		require.Error(t, own.Remove("top/d"), "it is not empty")
		require.NoError(t, own.Remove("top/d/a"))
		require.NoError(t, own.Remove("top/d"))
		require.ErrorIs(t, own.Remove("top/d"), fs.ErrNotExist)
	}
}

// An open directory is not moved away, and its replacement is not written to.
func TestADirectoryThatIsOpenIsNotPutAway(t *testing.T) {
	home := t.TempDir()
	top, outside := filepath.Join(home, "top"), filepath.Join(home, "outside")
	require.NoError(t, os.Mkdir(top, 0o700))
	require.NoError(t, os.Mkdir(outside, 0o700))
	root, err := os.OpenRoot(top)
	require.NoError(t, err)
	defer root.Close()
	require.NoError(t, os.Rename(top, top+".away"))
	require.NoError(t, os.Symlink(outside, top))
	own := Own{Top: top, Dir: func() (*os.File, error) { return root.Open(".") }}
	f, err := own.Open(filepath.Join(top, "x"), os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	require.NoFileExists(t, filepath.Join(outside, "x"))
	if !holdsDirectories {
		require.ErrorIs(t, err, fs.ErrNotExist)
		return
	}
	require.NoError(t, err)
	require.NoError(t, f.Close())
	require.FileExists(t, filepath.Join(top+".away", "x"))
}
