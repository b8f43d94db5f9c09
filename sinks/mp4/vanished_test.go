package mp4

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// tree returns the entries below a directory: directories with a slash, links with an @.
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

// plant creates files, directories and links, in the notation of tree.
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

// TestADirectoryThatVanishesIsMadeAgain deletes empty directories before each step of creating the
// next file, as after the deletion of the last file of a directory.
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
							disk.Prune(inner, "live/cam/20260304/x.mp4")
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

// TestRecordingsBeginWhileDirectoriesAreRemoved begins recordings while another goroutine removes
// every empty directory.
func TestRecordingsBeginWhileDirectoriesAreRemoved(t *testing.T) {
	src, pool := record(t, avc(4)), media.NewCheckedPool()
	cfg := Defaults()
	cfg.RecordPath, cfg.FilenamePattern, cfg.Sync = t.TempDir(), "{stream_path}/{date}/{seq}.mp4", syncNone
	s := newSession(t, cfg, nil)
	require.NoError(t, s.Open(context.Background()))
	// A recorder tries a hundred times. Twenty sweeps of three directories make it fail less often
	// than that, however fast they are.
	sweeps, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for range sweeps {
			for range 20 {
				_, err := disk.RemoveEmptyDirs(context.Background(), cfg.RecordPath, []string{cfg.FilenamePattern}, func(string) bool { return true })
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
		require.NoError(t, s.end(seg, endcause.Stop))
		require.NoError(t, disk.Remove(cfg.RecordPath, s.last().Path))
	}
	stop()
	require.NoError(t, s.Close())
	require.Empty(t, tree(t, cfg.RecordPath))
	require.Zero(t, pool.Outstanding(), pool.Leaks())
}

// TestAFileThatCannotBeginLeavesNoDirectory checks that a record directory that vanishes ends in an
// error, not in a loop, and so does a name that the file system refuses, and that a file that could
// not be created leaves no directory.
func TestAFileThatCannotBeginLeavesNoDirectory(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		op        string
		skip      int
		err, want error
		goes      bool // the directory vanishes
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
		if err := s.put(segment(set, 1), chunks); err != nil { // the error of a directory ends the run; a disk's is a problem
			require.ErrorIs(t, err, c.want)
		}
		require.Contains(t, s.report().LastError, c.want.Error(), c.op)
		require.NoError(t, s.Close())
		require.Equal(t, []string{"mine/"}, tree(t, cfg.RecordPath), c.op)
		require.Zero(t, pool.Outstanding(), pool.Leaks())
	}
}

// TestRecoveryOfNothingLeavesNoDirectory checks that recovery removes a file without a whole chunk
// and its directory.
func TestRecoveryOfNothingLeavesNoDirectory(t *testing.T) {
	dir := t.TempDir()
	plant(t, dir, "live/cam/20260318/a.mp4.part", "mine/")
	require.NoError(t, Recover(t.Context(), dir, func(r Repaired) { require.True(t, r.Removed) }))
	require.Equal(t, []string{"mine/"}, tree(t, dir))
}
