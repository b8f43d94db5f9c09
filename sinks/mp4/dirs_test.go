package mp4

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// tree is what lies below a directory: directories with a slash, links with an @.
func tree(t *testing.T, dir string) (out []string) {
	t.Helper()
	require.NoError(t, fs.WalkDir(os.DirFS(dir), ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil || name == ".":
		case disk.Hidden(d.Name()):
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

// plant makes files, directories and links, as tree shows them.
func plant(t *testing.T, dir string, names ...string) {
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

func TestADeletedFileTakesItsEmptyDirectoriesAlong(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "live/cam/20260318/a.mp4", "live/cam/20260318/b.mp4", "live/cam/20260319/c.mp4", "mine/", "top.mp4")
	remove := func(name string) { require.NoError(t, Remove(dir, name)) }
	remove("live/cam/20260318/a.mp4")
	require.DirExists(t, filepath.Join(dir, "live/cam/20260318"), "b.mp4 is in it")
	remove("live/cam/20260318/b.mp4")
	require.Equal(t, []string{"live/", "live/cam/", "live/cam/20260319/", "live/cam/20260319/c.mp4", "mine/", "top.mp4"}, tree(t, dir))
	require.NoError(t, os.RemoveAll(filepath.Join(dir, "live/cam/20260319"))) // by hand, with the file
	remove("live/cam/20260319/c.mp4")
	require.Equal(t, []string{"mine/", "top.mp4"}, tree(t, dir))
	remove("top.mp4")
	remove("top.mp4")
	require.Equal(t, []string{"mine/"}, tree(t, dir))
	require.Error(t, Remove(dir, "../"+filepath.Base(dir)+"/mine/x.mp4"))
	require.Error(t, Remove(dir, "/etc/hostname"))
}

// A link to a directory, and what it leads to, stay.
func TestALinkedDirectoryStays(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "disk/cam/20260318/a.mp4", "disk/b.mp4")
	require.NoError(t, os.Symlink("disk", filepath.Join(dir, "live")))
	require.NoError(t, os.Symlink("disk", filepath.Join(dir, "flat")))
	require.NoError(t, Remove(dir, "live/cam/20260318/a.mp4"))
	require.NoError(t, Remove(dir, "flat/b.mp4"))
	require.Equal(t, []string{"disk/", "flat@", "live@"}, tree(t, dir))
	n, err := RemoveEmptyDirs(t.Context(), dir, []string{"{stream_path}/{time}.mp4"}, func(string) bool { return true })
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, []string{"flat@", "live@"}, tree(t, dir))
}

// At a start those go that only a recorder can have made.
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
			plant(t, dir, planted...)
			plant(t, dir, ".journal/20260318/")
			before := tree(t, dir)
			_, err := RemoveEmptyDirs(t.Context(), dir, []string{pattern}, func(s string) bool { return s == "live/cam" })
			require.NoError(t, err)
			if want := before; len(c.gone) > 0 && slices.Equal(planted, c.gone) {
				require.Empty(t, tree(t, dir), pattern)
			} else {
				require.Equal(t, want, tree(t, dir), pattern)
			}
			require.DirExists(t, filepath.Join(dir, ".journal/20260318"))
		}
	}
}

// Each directory that has a file stays, whatever it is called; each above that has
// another one too.
func TestDirectoriesWithSomethingInThemStay(t *testing.T) {
	dir := t.TempDir()
	all := []string{"live/", "live/cam/", "live/cam/20260318/", "live/cam/20260318/note.txt", "live/cam/20260319/", "live/cam/20260319/.hidden"}
	plant(t, dir, "live/cam/20260318/note.txt", "live/cam/20260319/.hidden", "live/cam/20260320/")
	n, err := RemoveEmptyDirs(t.Context(), dir, []string{"{stream_path}/{date}/{time}.mp4"}, func(string) bool { return true })
	require.NoError(t, err)
	require.Equal(t, 1, n)
	require.Equal(t, all[:len(all)-1], tree(t, dir))
	require.FileExists(t, filepath.Join(dir, all[len(all)-1]))
}

// The last file of a directory is deleted while a recorder begins the next one in
// it: before each step of making it, what is empty goes.
func TestADirectoryThatVanishesIsMadeAgain(t *testing.T) {
	src := record(t, avc(4))
	for _, step := range []string{"mkdir", "syncdir", "create"} {
		for skip := range 3 {
			pool := media.NewCheckedPool()
			cfg := Defaults()
			cfg.RecordPath, cfg.FilenamePattern = t.TempDir(), "{stream_path}/{date}/{time}.mp4"
			left, vanished := skip, false
			s := newSession(t, cfg, func(inner disk.FS) disk.FS {
				return &faultFS{FS: inner, fault: func(_ int, op string) error {
					if op == step && !vanished {
						if left--; left < 0 {
							vanished = true
							prune(inner, "live/cam/20260304/x.mp4")
						}
					}
					return nil
				}}
			})
			s.record(t, src, pool, nil)
			if skip == 0 {
				requireSame(t, src, s.path(s.last()))
			}
			require.FileExists(t, s.path(s.last()))
			require.Equal(t, step != "create" || skip == 0, vanished)
			require.NoError(t, s.Close())
			require.Zero(t, pool.Outstanding(), pool.Leaks())
		}
	}
}

// Recordings begin while another part removes every empty directory that it sees.
func TestRecordingsBeginWhileDirectoriesAreRemoved(t *testing.T) {
	src, pool := record(t, avc(4)), media.NewCheckedPool()
	cfg := Defaults()
	cfg.RecordPath, cfg.FilenamePattern, cfg.Sync = t.TempDir(), "{stream_path}/{date}/{seq}.mp4", syncNone
	s := newSession(t, cfg, nil)
	require.NoError(t, s.Open(context.Background()))
	// A recorder tries a hundred times. Twenty sweeps of three directories make it
	// fail less often than that, however fast they are.
	sweeps, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for range sweeps {
			for range 20 {
				_, err := RemoveEmptyDirs(context.Background(), cfg.RecordPath, []string{cfg.FilenamePattern}, func(string) bool { return true })
				if err != nil {
					t.Error(err)
				}
			}
		}
	}()
	stop := sync.OnceFunc(func() { close(sweeps); <-ended })
	defer stop()
	for n := uint64(1); n <= 10; n++ {
		set, chunks := src.chunks(t, pool, 10*time.Second, nil)
		seg := segment(set, n)
		sweeps <- struct{}{}
		require.NoError(t, s.put(seg, chunks))
		require.NoError(t, s.end(seg, media.EndStop))
		require.NoError(t, Remove(cfg.RecordPath, s.last().Path))
	}
	stop()
	require.NoError(t, s.Close())
	require.Empty(t, tree(t, cfg.RecordPath))
	require.Zero(t, pool.Outstanding(), pool.Leaks())
}

// A record directory that goes altogether ends in an error, not in a loop, and so does
// a name that is not taken though its directory is there; what could not begin leaves
// no directory.
func TestAFileThatCannotBeginLeavesNoDirectory(t *testing.T) {
	for _, c := range []struct {
		op        string
		skip      int
		err, want error
		goes      bool // the directory
	}{
		{"create", 0, unix.ENOSPC, unix.ENOSPC, false},
		{"mkdir", 1, unix.ENOSPC, unix.ENOSPC, false},
		{"writev", 0, unix.ENOSPC, unix.ENOSPC, false},
		{"write", 0, unix.ENOSPC, unix.ENOSPC, false},
		{"syncdir", 1, unix.EIO, unix.EIO, false},
		{"create", 0, fs.ErrNotExist, fs.ErrNotExist, true},
		{"create", 0, fs.ErrNotExist, unix.EINVAL, false},
	} {
		src, pool := record(t, avc(4)), media.NewCheckedPool()
		cfg := Defaults()
		cfg.RecordPath, cfg.FilenamePattern = t.TempDir(), "{stream_path}/{date}/{time}.mp4"
		plant(t, cfg.RecordPath, "mine/")
		opened, skip := false, c.skip
		s := newSession(t, cfg, func(inner disk.FS) disk.FS {
			return &faultFS{FS: inner, fault: func(_ int, op string) error {
				if !opened || op != c.op {
					return nil
				}
				if skip--; skip >= 0 {
					return nil
				}
				if c.goes {
					require.NoError(t, os.RemoveAll(filepath.Join(cfg.RecordPath, "live")))
				}
				return c.err
			}}
		})
		set, chunks := src.chunks(t, pool, time.Second, nil)
		require.NoError(t, s.Open(context.Background()))
		opened = true
		if err := s.put(segment(set, 1), chunks); err != nil { // of the directory; a disk's is a problem, and the run goes on
			require.ErrorIs(t, err, c.want)
		}
		require.Contains(t, s.report().LastError, c.want.Error(), c.op)
		require.NoError(t, s.Close())
		require.Equal(t, []string{"mine/"}, tree(t, cfg.RecordPath), c.op)
		require.Zero(t, pool.Outstanding(), pool.Leaks())
	}
}

// A file that held nothing whole is removed by recovery, with its directory.
func TestRecoveryOfNothingLeavesNoDirectory(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "live/cam/20260318/a.mp4.part", "mine/")
	require.NoError(t, Recover(t.Context(), dir, func(r Repaired) { require.True(t, r.Removed) }))
	require.Equal(t, []string{"mine/"}, tree(t, dir))
}
