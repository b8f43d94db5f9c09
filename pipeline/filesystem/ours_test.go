package filesystem

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// planted makes a directory with a file in it, as spool makes both.
func planted(t *testing.T) (dir, file string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "recordings")
	require.NoError(t, os.Mkdir(dir, 0o755))
	file = filepath.Join(dir, "kept")
	require.NoError(t, os.WriteFile(file, []byte("obeyed"), 0o600))
	return dir, file
}

// A file that another user can write is not read, and each refusal names the remedy.
func TestAFileThatAnotherUserCanWriteIsNotRead(t *testing.T) {
	for name, c := range map[string]struct {
		do     func(dir, file string) error
		refuse string // "" where it is read
	}{
		"as it was made":            {func(string, string) error { return nil }, ""},
		"readable by all":           {func(_, file string) error { return os.Chmod(file, 0o644) }, ""},
		"writable by the group":     {func(_, file string) error { return os.Chmod(file, 0o620) }, "chmod go-w"},
		"writable by all":           {func(_, file string) error { return os.Chmod(file, 0o602) }, "chmod go-w"},
		"directory of all":          {func(dir, _ string) error { return os.Chmod(dir, 0o777) }, "chmod go-w"},
		"directory of the group":    {func(dir, _ string) error { return os.Chmod(dir, 0o775) }, "chmod go-w"},
		"directory of all, sticky":  {func(dir, _ string) error { return os.Chmod(dir, 0o777|fs.ModeSticky) }, ""},
		"a link":                    {func(_, file string) error { return aside(file, os.Symlink) }, "it is a link"},
		"a link that leads nowhere": {func(_, file string) error { return nowhere(file) }, "it is a link"},
		"a second name":             {func(_, file string) error { return aside(file, os.Link) }, "hard link"},
		"a directory":               {func(_, file string) error { return instead(file, func() error { return os.Mkdir(file, 0o700) }) }, "no regular file"},
		"a pipe without a writer":   {func(_, file string) error { return instead(file, func() error { return unix.Mkfifo(file, 0o600) }) }, "no regular file"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, file := planted(t)
			require.NoError(t, c.do(dir, file))
			text, err := Own{Top: dir}.ReadOurs(file, 100)
			if c.refuse == "" {
				require.NoError(t, err)
				require.Equal(t, "obeyed", string(text))
				return
			}
			require.ErrorIs(t, err, ErrNotOurs)
			require.ErrorContains(t, err, c.refuse)
			require.Empty(t, text)
		})
	}
	dir, file := planted(t)
	_, err := Own{Top: dir}.ReadOurs(filepath.Join(dir, "other"), 100)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Own{Top: dir}.ReadOurs(filepath.Join(dir, "none", "other"), 100)
	require.ErrorIs(t, err, fs.ErrNotExist)
	_, err = Own{Top: dir}.ReadOurs(file, 5)
	require.ErrorContains(t, err, "more than the 5 bytes")
}

// TestAFileOfAnotherUserIsNotRead runs as root, because only root can chown a file to another user.
func TestAFileOfAnotherUserIsNotRead(t *testing.T) {
	dir, file := planted(t)
	if err := os.Chown(file, 65534, -1); err != nil {
		require.ErrorIs(t, err, fs.ErrPermission) // only root can give a file away
		return
	}
	_, err := Own{Top: dir}.ReadOurs(file, 100)
	require.ErrorIs(t, err, ErrNotOurs)
	require.ErrorContains(t, err, "chown 0 "+file)
	require.NoError(t, Own{Top: filepath.Dir(dir)}.OurDirectory(dir))
	require.NoError(t, os.Chown(dir, 65534, -1))
	require.ErrorIs(t, Own{Top: filepath.Dir(dir)}.OurDirectory(dir), ErrNotOurs)
}

// The owner of a directory can rename its entries whatever their modes are.
func TestAFileThatAnotherUserCanPutBackIsNotRead(t *testing.T) {
	if os.Geteuid() != 0 {
		return // only root can chown a file to another user
	}
	for _, mode := range []fs.FileMode{0o700, 0o755, 0o777 | fs.ModeSticky} {
		dir, file := planted(t)
		above := filepath.Dir(dir)
		require.NoError(t, os.Chmod(dir, mode))
		for _, top := range []string{dir, above} {
			text, err := Own{Top: top}.ReadOurs(file, 100)
			require.NoError(t, err, "%v", mode)
			require.Equal(t, "obeyed", string(text))
		}
		require.NoError(t, NothingPutBack(dir))
		require.NoError(t, os.Chown(above, 65534, -1))
		_, err := Own{Top: dir}.ReadOurs(file, 100)
		require.NoError(t, err, "directories above Top are the operator's")
		_, err = Own{Top: above}.ReadOurs(file, 100)
		require.ErrorIs(t, err, ErrNotOurs, "whose owner can put an older directory back")
		require.ErrorContains(t, err, "chown 0 "+above+", or run spool as the user 65534")
		require.ErrorIs(t, Own{Top: above}.OurDirectory(dir), ErrNotOurs)
		require.ErrorIs(t, Own{Top: above}.OurDirectory(filepath.Join(above, "none")), fs.ErrNotExist)
		require.NoError(t, os.Chown(above, 0, -1))
		require.NoError(t, os.Chown(dir, 65534, -1))
		require.ErrorIs(t, NothingPutBack(dir), ErrNotOurs)
		for _, top := range []string{dir, above} {
			_, err := Own{Top: top}.ReadOurs(file, 100)
			require.ErrorIs(t, err, ErrNotOurs, "%v", mode)
			require.ErrorContains(t, err, "chown 0 "+dir+", or run spool as the user 65534")
			_, err = Own{Top: top}.ReadOurs(filepath.Join(dir, "none"), 100)
			require.ErrorIs(t, err, fs.ErrNotExist, "which says nothing of the directory")
		}
	}
	dir, file := planted(t)
	way := filepath.Join(filepath.Dir(dir), "way")
	require.NoError(t, os.Symlink(dir, way))
	_, err := Own{Top: filepath.Dir(dir)}.ReadOurs(filepath.Join(way, filepath.Base(file)), 100)
	require.ErrorIs(t, err, ErrNotOurs)
	require.ErrorContains(t, err, way+": it is a link")
	_, err = Own{Top: way}.ReadOurs(filepath.Join(way, filepath.Base(file)), 100)
	require.NoError(t, err, "the operator's own link")
}

func TestADirectoryThatOthersCanWriteIsNotOurs(t *testing.T) {
	dir, file := planted(t)
	require.NoError(t, Own{Top: filepath.Dir(dir)}.OurDirectory(dir))
	require.ErrorIs(t, Own{Top: filepath.Dir(dir)}.OurDirectory(filepath.Join(dir, "none")), fs.ErrNotExist)
	require.ErrorIs(t, Own{Top: filepath.Dir(dir)}.OurDirectory(file), ErrNotOurs)
	link := dir + ".link"
	require.NoError(t, os.Symlink(dir, link))
	require.ErrorIs(t, Own{Top: filepath.Dir(dir)}.OurDirectory(link), ErrNotOurs)
	for _, mode := range []fs.FileMode{0o777, 0o775, 0o777 | fs.ModeSticky} {
		require.NoError(t, os.Chmod(dir, mode))
		require.ErrorIs(t, Own{Top: filepath.Dir(dir)}.OurDirectory(dir), ErrNotOurs, "%v", mode)
	}
}

// aside moves a file and puts a link to it in its place.
func aside(file string, lead func(from, to string) error) error {
	if err := os.Rename(file, file+".moved"); err != nil {
		return err
	}
	return lead(file+".moved", file)
}

func nowhere(file string) error {
	return instead(file, func() error { return os.Symlink(file+".none", file) })
}

func instead(file string, put func() error) error {
	if err := os.Remove(file); err != nil {
		return err
	}
	return put()
}
