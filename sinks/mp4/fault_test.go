package mp4

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/powercut"
)

// failNth fails the n-th operation that changes the disk, and the following ones, times in total.
func failNth(n, times int, err error) func(int, string) error {
	return func(call int, _ string) error {
		if call >= n && call < n+times {
			return err
		}
		return nil
	}
}

// TestNthCallFails fails the n-th disk operation, for every n until none fails, once or for a while,
// with every kind of disk error. The stage must report it and continue with the same disk once that
// works, without a restart of the run or the process. After recovery the disk must have every chunk
// that was reported as written, and nothing else, and every announcement must be true.
func TestNthCallFails(t *testing.T) {
	t.Parallel()
	for form := range forms {
		t.Run(form, func(t *testing.T) {
			runs := 0
			for _, fault := range []error{unix.ENOSPC, unix.EIO, unix.EROFS, unix.EMFILE} {
				for _, times := range []int{1, 5} {
					for n, hit := 1, true; hit; n++ {
						hit = failAndGoOn(t, form, n, times, fault)
						require.Less(t, n, 200)
						runs++
					}
				}
			}
			t.Logf("%d runs", runs)
		})
	}
}

// failAndGoOn records six chunks while the n-th operation fails, and reports whether there was an
// n-th operation.
func failAndGoOn(t *testing.T, form string, n, times int, fault error) (hit bool) {
	t.Helper()
	failed := false
	at := fmt.Sprintf("%v at operation %d, %d times", fault, n, times)
	disk := powercut.New()
	faulty := &faultFS{FS: cutFS{disk}, fault: failNth(n, times, fault), torn: n%2 == 0}
	pool := media.NewCheckedPool()
	takes := scene(form, 0)
	if !forms[form].tail {
		takes.chunks = 6
	}
	set, chunks := takes.make(t, pool)
	var want [][][][]byte
	for _, c := range chunks {
		want = append(want, samplesOf(c))
	}
	s, written := faultyRun(t, faulty, form, set, chunks, at)
	if s.stats.lastError.Load() != nil {
		failed = true
		require.ErrorContains(t, errors.New(*s.stats.lastError.Load()), fault.Error(), at)
		require.Contains(t, *s.stats.lastError.Load(), "(", "%s: what to do about it", at)
	}
	require.Zero(t, pool.Outstanding(), at)
	for i, op := range faulty.log {
		// These may fail without a report: punching a hole, and writing a moov for which the disk
		// has no room, which makes the file a fragmented one.
		if faulty.fault(i+1, op) != nil && op != "punch" && (!strings.HasPrefix(op, "write") || fault != unix.ENOSPC) {
			require.True(t, failed, "%s: %s failed and no error was reported", at, op)
		}
	}
	requireTold(t, disk, s.told, at)
	requireKept(t, disk, want, written, at)
	return faulty.calls >= n
}

// faultyRun runs the stage once, with a chunk a second. It returns the chunks that the stage reported
// as written.
func faultyRun(t *testing.T, fsys disk.FS, form string, set *media.TrackSet, chunks []*media.Chunk, at string) (s *session, written []int) {
	t.Helper()
	cfg := Defaults()
	cfg.RecordPath, cfg.Fragment, cfg.FilenamePattern = t.TempDir(), forms[form].fragment, "{stream_path}/{date}_{time}.mp4"
	s = newSession(t, cfg, nil)
	clock := &steps{now: start}
	s.clock = clock
	s.openFS = func(string) (disk.FS, error) { return fsys, nil }
	s.reserve = smallReserve(form)
	require.NoError(t, s.Open(t.Context()), at)
	seg := segment(set, 1)
	seg.StartUTC = chunks[0].UTC
	units := make([]uint64, len(chunks))
	for i, c := range chunks {
		before := s.stats.units.Load()
		units[i] = uint64(c.AccessUnits())
		require.NoError(t, s.Process(t.Context(), media.Part{Segment: seg, First: i == 0, Chunk: c}, s.emit), at)
		for n, k := s.stats.units.Load()-before, i; n > 0; k-- { // this chunk, and those held before it
			written = append(written, k)
			n -= min(n, units[k])
		}
		if s.outage != nil {
			require.NotEmpty(t, s.report().Problems, at)
			require.False(t, s.report().Recording, at)
		}
		clock.now = clock.now.Add(time.Second)
	}
	_ = s.end(seg, endcause.Stop)
	require.NoError(t, s.Close(), at)
	require.Empty(t, s.report().Problems, at)
	return s, written
}

// steps is a clock that a test sets.
type steps struct{ now time.Time }

func (s *steps) Now() time.Time { return s.now }

func (s *steps) After(d time.Duration) (<-chan time.Time, func()) {
	s.now = s.now.Add(d)
	c := make(chan time.Time, 1)
	c <- s.now
	return c, func() {}
}

// requireTold checks that the last announcement of each file is true: finished under its name, or left
// unfinished. No other file may exist, except those that could not be removed.
func requireTold(t *testing.T, disk *powercut.Disk, told []media.Recording, at string) {
	t.Helper()
	last := map[media.ID]media.Recording{}
	for _, r := range told {
		last[r.ID] = r
	}
	paths := map[string]bool{}
	files := disk.Files()
	for _, r := range last {
		_, there := files[r.Path]
		require.True(t, there, "%s: %s is a ghost", at, r.Path)
		require.False(t, paths[r.Path], "%s: two rows of one file", at)
		paths[r.Path] = true
	}
	for name := range files {
		if strings.HasSuffix(name, ".mp4") {
			require.True(t, paths[name], "%s: %s was not announced", at, name)
		}
	}
}

// requireKept recovers a disk and searches for every chunk that was written. The order of the files is
// that of their runs.
func requireKept(t *testing.T, disk *powercut.Disk, want [][][][]byte, written []int, at string) {
	t.Helper()
	require.NoError(t, recoverDir(context.Background(), cutFS{disk}, "/simulated/"+t.Name(), func(r Repaired) { require.NoError(t, r.Err, at) }), at)
	files := disk.Files()
	var pictures [][]byte
	for _, name := range slices.Sorted(maps.Keys(files)) { // names are times
		if !strings.HasPrefix(name, "live/cam/") {
			continue
		}
		b := files[name]
		_, form, err := openScan(&memoryFile{b}, "")
		require.NoError(t, err, at)
		require.Equal(t, finished, form, at)
		pictures = append(pictures, played(b)[1]...)
	}
	for name := range files {
		require.False(t, strings.HasSuffix(name, media.PartSuffix), "%s: %s", at, name)
	}
	all := 0
	for chunk, tracks := range want {
		for _, p := range tracks[0] {
			if all < len(pictures) && bytes.Equal(pictures[all], p) {
				all++
			} else {
				require.NotContains(t, written, chunk, "%s: a picture of chunk %d is missing", at, chunk)
			}
		}
	}
	require.Len(t, pictures, all, "%s: something that was not recorded", at)
}
