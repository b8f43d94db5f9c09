package disk

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/filesystem"
)

func TestInvalidModesAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		"0o640": "octal digits in quotes", "416": "spool could not use", "64": "four octal digits", "06400": "four octal digits", "0840": "four octal digits", "1640": "four octal digits",
		"rw-r-----": "four octal digits", "-640": "four octal digits", "0440": "spool could not use", "0040": "spool could not use", "0642": "every user of the machine", "0666": "every user of the machine",
	} {
		_, err := ParseModes(text, "0750", "")
		require.ErrorContains(t, err, "file_mode: ", text)
		require.ErrorContains(t, err, want, text)
	}
	for _, text := range []string{"0640", "0600", "0644", "0660", "0664", "640", "664"} {
		m, err := ParseModes(text, "0750", "")
		require.NoError(t, err)
		n, _ := strconv.ParseUint(text, 8, 32)
		require.Equal(t, Modes{fs.FileMode(n), 0o750, -1}, m)
	}
	_, err := ParseModes("0640", "0640", "")
	require.ErrorContains(t, err, `dir_mode: with 0640 spool could not use`)
	_, err = ParseModes("0640", "0777", "")
	require.ErrorContains(t, err, `dir_mode: with 0777 every user of the machine`)
	_, err = ParseModes("0640", "0750", "no such group")
	require.ErrorContains(t, err, "group: there is no group")
	_, err = ParseModes("0640", "0750", "-5")
	require.ErrorContains(t, err, "group: ")
	m, err := ParseModes("", "", strconv.Itoa(os.Getegid()))
	require.NoError(t, err)
	require.Equal(t, Modes{0o640, 0o750, os.Getegid()}, m)
}

func TestFilesAreMadeWithTheModesOfTheirDirectory(t *testing.T) {
	dir := t.TempDir()
	d, err := OpenAs(dir, Modes{File: 0o664, Dir: 0o775, Group: os.Getegid()})
	require.NoError(t, err)
	defer d.Close()
	require.NoError(t, MkdirAll(d, "a/b"))
	f, err := d.Create("a/b/c")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	for name, want := range map[string]fs.FileMode{"a": 0o775, "a/b": 0o775, "a/b/c": 0o664} {
		info, err := os.Stat(filepath.Join(dir, name))
		require.NoError(t, err)
		require.Equal(t, want, info.Mode().Perm(), name)
	}
	require.NoError(t, os.Chmod(filepath.Join(dir, "a/b/c"), 0o600))
	f, err = d.Open("a/b/c")
	require.NoError(t, err)
	require.NoError(t, f.Close())
	info, err := os.Stat(filepath.Join(dir, "a/b/c"))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm(), "what is there keeps its mode")
}

// TestAFileSystemWithoutModesTakesFiles checks that a file system that refuses chmod and chgrp, such
// as exFAT and SMB, keeps its own modes, and that any other error is returned and leaves no file.
func TestAFileSystemWithoutModesTakesFiles(t *testing.T) {
	for _, refusal := range []error{unix.EPERM, unix.EACCES, unix.EOPNOTSUPP, unix.ENOSYS, unix.EIO} {
		dir := t.TempDir()
		d, err := OpenAs(dir, Modes{File: 0o664, Dir: 0o777, Group: os.Getegid()})
		require.NoError(t, err)
		defer d.Close()
		asked := 0
		d.Calls = filesystem.Calls{
			Fchmod: func(int, uint32) error { asked++; return refusal },
			Fchown: func(int, int) error { asked++; return refusal },
		}
		if refusal == unix.EIO {
			_, err := d.Create("a.mp4.part")
			require.ErrorIs(t, err, refusal)
			require.NoFileExists(t, filepath.Join(dir, "a.mp4.part"))
			continue
		}
		require.NoError(t, MkdirAll(d, "a"), refusal)
		f, err := d.Create("a/b.mp4.part")
		require.NoError(t, err, refusal)
		_, err = f.WriteAt([]byte("footage"), 0)
		require.NoError(t, err)
		require.NoError(t, f.Close())
		require.Equal(t, 4, asked)
	}
}

// TestOwnFilesArePrivate checks that spool's own files ignore the modes of
// recordings.
func TestOwnFilesArePrivate(t *testing.T) {
	dir := t.TempDir()
	d, err := OpenAs(dir, Modes{File: 0o664, Dir: 0o775, Group: os.Getegid()})
	require.NoError(t, err)
	defer d.Close()
	require.NoError(t, Claim(d, dir))
	info, err := os.Stat(filepath.Join(dir, IdentityFile))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
}
