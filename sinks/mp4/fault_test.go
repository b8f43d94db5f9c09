package mp4

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/powercut"
)

// failNth fails the n-th operation that changes something, and the ones after it
// that long.
func failNth(n, times int, err error) func(int, string) error {
	return func(call int, _ string) error {
		if call >= n && call < n+times {
			return err
		}
		return nil
	}
}

// TestNthCallFails lets the n-th operation on the disk fail, for every n until
// nothing fails, once or for a while, in every way disks fail. The stage says so,
// lets go of everything, and the next run on the same disk records what follows:
// no process is restarted. What is then on the disk is recovered, and holds every
// chunk that was said to be written, and nothing else.
func TestNthCallFails(t *testing.T) {
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

// failAndGoOn records six chunks while the n-th operation fails, and tells
// whether there was an n-th.
func failAndGoOn(t *testing.T, form string, n, times int, fault error) (hit bool) {
	t.Helper()
	failed := false
	at := fmt.Sprintf("%v at operation %d, %d times", fault, n, times)
	disk := powercut.New()
	faulty := &faultFS{FS: cutFS{disk}, fault: failNth(n, times, fault), torn: n%2 == 0}
	pool := media.NewCheckedPool()
	set, chunks := synthetic{fps: 10, gop: 10, picture: 300, sound: true, flush: time.Second, chunks: 6}.make(t, pool)
	if forms[form].tail {
		set, chunks = addSamples(t, pool, chunks)
	}
	var want [][][][]byte
	for _, c := range chunks {
		want = append(want, samplesOf(c))
	}
	var written []int // chunks that the stage took without an error
	next, dir := 0, t.TempDir()
	for index := uint64(1); next < len(chunks); index++ { // runs, as they are started again after a backoff
		require.Less(t, index, uint64(20), at)
		from := next
		taken, err := faultyRun(t, faulty, dir, form, segment(set, index), chunks, &next)
		for i := range taken {
			written = append(written, from+i)
		}
		if err != nil {
			failed = true
			require.ErrorIs(t, err, fault, at)
			if !errors.Is(fault, unix.EIO) {
				require.ErrorContains(t, err, "(", "%s: what to do about it", at)
			}
		}
	}
	require.Zero(t, pool.Outstanding(), at)
	for i, op := range faulty.log {
		// What may fail unsaid: a hole that cannot be made, and a moov for which the
		// disk has no room, without which the file is a fragmented one.
		if faulty.fault(i+1, op) != nil && op != "punch" && (!strings.HasPrefix(op, "write") || fault != unix.ENOSPC) {
			require.True(t, failed, "%s: nobody said that %s failed", at, op)
		}
	}
	requireKept(t, disk, want, written, at)
	return faulty.calls >= n
}

// faultyRun is one run of the stage. It takes chunks from next on until it fails,
// and one more that is lost with the failure.
func faultyRun(t *testing.T, disk FS, dir, form string, seg *media.Segment, chunks []*media.Chunk, next *int) (taken int, err error) {
	t.Helper()
	cfg := Defaults()
	cfg.RecordPath, cfg.Fragment, cfg.FilenamePattern = dir, forms[form].fragment, "{stream_path}/{seq}.mp4"
	s := newSession(t, cfg, nil)
	s.openFS = func(string) (FS, error) { return disk, nil }
	s.reserve = smallReserve(form)
	defer func() { require.NoError(t, s.Close()) }()
	if err := s.Open(context.Background()); err != nil {
		return 0, err
	}
	for first := true; *next < len(chunks); first = false {
		c := chunks[*next]
		*next++
		if err := s.Process(context.Background(), media.Part{Segment: seg, First: first, Chunk: c}, s.emit); err != nil {
			return taken, err
		}
		taken++
	}
	return taken, s.end(seg, media.EndStop)
}

// requireKept recovers a disk and looks for every chunk that was written. Files
// come in the order of their runs.
func requireKept(t *testing.T, disk *powercut.Disk, want [][][][]byte, written []int, at string) {
	t.Helper()
	require.NoError(t, recoverDir(context.Background(), cutFS{disk}, "/simulated", func(r Repaired) { require.NoError(t, r.Err, at) }), at)
	files := disk.Files()
	var pictures [][]byte
	for n := 1; n < 20; n++ {
		b, ok := files[fmt.Sprintf("live/cam/%d.mp4", n)]
		if !ok {
			continue
		}
		_, form, err := openScan(&memoryFile{b}, "")
		require.NoError(t, err, at)
		require.Equal(t, finished, form, at)
		pictures = append(pictures, played(b)[1]...)
	}
	for name := range files {
		require.False(t, strings.HasSuffix(name, PartSuffix), "%s: %s", at, name)
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
