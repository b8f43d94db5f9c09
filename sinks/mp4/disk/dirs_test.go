package disk

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestADeletedFileTakesItsEmptyDirectoriesAlong(t *testing.T) {
	dir := t.TempDir()
	makeAll(t, dir, "live/cam/20260318/a.mp4", "live/cam/20260318/b.mp4", "live/cam/20260319/c.mp4", "mine/", "top.mp4")
	remove := func(name string) { require.NoError(t, Remove(dir, name)) }
	remove("live/cam/20260318/a.mp4")
	require.DirExists(t, filepath.Join(dir, "live/cam/20260318"), "b.mp4 is in it")
	remove("live/cam/20260318/b.mp4")
	require.Equal(t, []string{"live/", "live/cam/", "live/cam/20260319/", "live/cam/20260319/c.mp4", "mine/", "top.mp4"}, listed(t, dir))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "live/cam/20260319"))) // by hand, with the file
	remove("live/cam/20260319/c.mp4")
	require.Equal(t, []string{"mine/", "top.mp4"}, listed(t, dir))
	remove("top.mp4")
	remove("top.mp4")
	require.Equal(t, []string{"mine/"}, listed(t, dir))
	require.Error(t, Remove(dir, "../"+filepath.Base(dir)+"/mine/x.mp4"))
	require.Error(t, Remove(dir, "/etc/hostname"))
}

// TestALinkedDirectoryStays checks that a link to a directory and its target stay.
func TestALinkedDirectoryStays(t *testing.T) {
	dir := t.TempDir()
	makeAll(t, dir, "disk/cam/20260318/a.mp4", "disk/b.mp4")
	require.NoError(t, os.Symlink("disk", filepath.Join(dir, "live")))
	require.NoError(t, os.Symlink("disk", filepath.Join(dir, "flat")))
	require.NoError(t, Remove(dir, "live/cam/20260318/a.mp4"))
	require.NoError(t, Remove(dir, "flat/b.mp4"))
	require.Equal(t, []string{"disk/", "flat@", "live@"}, listed(t, dir))
	n, err := RemoveEmptyDirs(t.Context(), dir, []string{"{stream_path}/{time}.mp4"}, func(string) bool { return true })
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, []string{"flat@", "live@"}, listed(t, dir))
}

// TestEmptyDirectoriesOfRecordingsGo checks that only directories that a recorder made are removed.
func TestEmptyDirectoriesOfRecordingsGo(t *testing.T) {
	for pattern, c := range map[string]struct{ gone, stay []string }{
		"{stream}_{date}_{time}.mp4": {
			stay: []string{"live_cam/", "20260318/"},
		},
		"{stream_path}/{date}/{time}.mp4": {
			gone: []string{"live/cam/20260318/", "any/one/20260318/", "live/cam/2026-03-18/"},
			stay: []string{"mine/", "20260318/", "live/cam/2026031/", "live/cam/x20260318/", "live/cam/20260318x/", "x/20260318/y/"},
		},
		"{stream_path}/{date}_{time}.mp4": {
			gone: []string{"live/cam/"},
			stay: []string{"live/cam2/", "mine/", "cam/"},
		},
		"{date:%Y/%m/%d}/{stream}.mp4": {
			gone: []string{"2026/03/18/", "2025/12/", "2024/"},
			stay: []string{"mine/", "2026/3/", "20260318/", "2026/03/18/mine/"},
		},
		"all/{stream}/{time:%H}/{ms}.mp4": {
			gone: []string{"all/live_cam/14/", "all/other/14/", "all/live_cam/"},
			stay: []string{"all/mine/", "live_cam/", "all/live_cam/2/"},
		},
		"{pipeline}/{seq}/{timestamp}/a.mp4": {
			gone: []string{"day/1/1772600767/"},
			stay: []string{"night/2/", "day/2/12/"},
		},
	} {
		for _, planted := range [][]string{c.gone, c.stay} {
			dir := t.TempDir()
			makeAll(t, dir, planted...)
			makeAll(t, dir, ".journal/20260318/")
			before := listed(t, dir)
			_, err := RemoveEmptyDirs(t.Context(), dir, []string{pattern}, func(s string) bool { return s == "live/cam" })
			require.NoError(t, err)
			if want := before; len(c.gone) > 0 && slices.Equal(planted, c.gone) {
				require.Empty(t, listed(t, dir), pattern)
			} else {
				require.Equal(t, want, listed(t, dir), pattern)
			}
			require.DirExists(t, filepath.Join(dir, ".journal/20260318"))
		}
	}
}

// TestDirectoriesWithSomethingInThemStay checks that each directory with a file stays, whatever its
// name, and so does each parent with another entry.
func TestDirectoriesWithSomethingInThemStay(t *testing.T) {
	dir := t.TempDir()
	all := []string{"live/", "live/cam/", "live/cam/20260318/", "live/cam/20260318/note.txt", "live/cam/20260319/", "live/cam/20260319/.hidden"}
	makeAll(t, dir, "live/cam/20260318/note.txt", "live/cam/20260319/.hidden", "live/cam/20260320/")
	n, err := RemoveEmptyDirs(t.Context(), dir, []string{"{stream_path}/{date}/{time}.mp4"}, func(string) bool { return true })
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, all[:len(all)-1], listed(t, dir))
	require.FileExists(t, filepath.Join(dir, all[len(all)-1]))
}

// listed returns the entries below a directory: directories with a slash, links with an @.
func listed(t *testing.T, dir string) (out []string) {
	t.Helper()
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
		case Hidden(d.Name()):
			if d.IsDir() {
				return fs.SkipDir
			}
		case d.IsDir():
			out = append(out, name+"/")
		case d.Type()&fs.ModeSymlink != 0:
			out = append(out, name+"@")
		default:
			out = append(out, name)
		}
		return err
	}))
	return out
}

// makeAll creates files, directories and links, in the notation of listed.
func makeAll(t *testing.T, dir string, names ...string) {
	t.Helper()
	for _, name := range names {
		path := filepath.Join(dir, name)
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		if name[len(name)-1] == '/' {
			require.NoError(t, os.MkdirAll(path, 0o755))
			continue
		}
		require.NoError(t, os.WriteFile(path, nil, 0o644))
	}
}
