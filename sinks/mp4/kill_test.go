package mp4

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	gomp4 "github.com/abema/go-mp4"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// forms are the ways in which a file can be finished.
var forms = map[string]struct {
	fragment bool
	tail     bool
}{"moov first": {}, "moov last": {tail: true}, "fragmented": {fragment: true}}

// smallReserve returns a reserve that fits a small file's moov if that goes to the head, and the
// minimum of one page if it goes to the tail.
func smallReserve(form string) func(*media.Segment, Config) int64 {
	return func(*media.Segment, Config) int64 {
		if forms[form].tail {
			return 0
		}
		return 2*pageBytes - 64 // the ftyp precedes it
	}
}

// killed runs one recording on a faulty disk. It returns the number of chunks that had been written
// when it ended, and its error.
func killed(t *testing.T, src *source, pool *media.Pool, dir string, cfg Config, tail bool, f *faultFS) (*session, int, error) {
	t.Helper()
	cfg.RecordPath = dir
	s := newSession(t, cfg, func(d disk.FS) disk.FS {
		if f.under != nil {
			d = f.under(d)
		}
		f.FS = d
		return f
	})
	if tail {
		s.reserve = func(*media.Segment, Config) int64 { return 0 }
	}
	set, chunks := src.chunks(t, pool, time.Second, nil)
	written := 0
	err := s.Open(context.Background())
	seg := segment(set, 1)
	for i, c := range chunks {
		if err != nil {
			c.Release()
			continue
		}
		if err = s.Process(context.Background(), media.Part{Segment: seg, First: i == 0, Chunk: c}, s.emit); err == nil && s.outage == nil {
			written++
		}
		if err == nil {
			err = s.outageError()
		}
	}
	if err == nil {
		if err = s.end(seg, endcause.Stop); err == nil {
			err = s.outageError()
		}
	}
	require.NoError(t, s.Close())
	return s, written, err
}

// outageError returns the error of an outage, or nil.
func (s *session) outageError() error {
	if s.outage == nil {
		return nil
	}
	return errors.New(s.report().Problems[0].Cause)
}

// TestKillAtEveryOperation stops the disk at the n-th operation for every n, with half of a torn write,
// and recovers the rest.
func TestKillAtEveryOperation(t *testing.T) {
	for name, form := range forms {
		for _, torn := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/torn=%v", name, torn), func(t *testing.T) {
				src := record(t, avc(4))
				if form.tail { // its moov must be larger than the page that is always reserved
					src = record(t, avc(8))
				}
				cfg := Defaults()
				cfg.Fragment = form.fragment
				cfg.FilenamePattern = "{stream_path}/{seq}.mp4"
				base := memory(t)
				for n := 1; ; n++ {
					pool, disk := media.NewCheckedPool(), &faultFS{fault: killAt(n), torn: torn}
					dir := filepath.Join(base, strconv.Itoa(n))
					s, written, err := killed(t, src, pool, dir, cfg, form.tail, disk)
					require.Zero(t, pool.Outstanding(), pool.Leaks())
					if err == nil {
						require.Greater(t, n, 15, "the run must have failed before")
						break
					}
					require.ErrorIs(t, err, errKilled)
					requireRecovered(t, src, s.dir, written, fmt.Sprintf("operation %d, %s", n, disk.log[n-1]))
				}
			})
		}
	}
}

// requireRecovered checks that the directory has either one finished file with at least the chunks that
// were written, or no file.
func requireRecovered(t *testing.T, src *source, dir string, written int, at string) {
	t.Helper()
	var got []Repaired
	require.NoError(t, Recover(context.Background(), dir, func(r Repaired) { got = append(got, r) }), at)
	require.LessOrEqual(t, len(got), 1, at)
	for _, r := range got {
		require.NoError(t, r.Err, at)
		require.Equal(t, r.Removed, r.Recording.State == "", at)
	}
	left := files(dir)
	if written == 0 && len(left) == 0 {
		return
	}
	require.Len(t, left, 1, at)
	file := filepath.Join(dir, left[0])
	require.Equal(t, ".mp4", filepath.Ext(file), at)
	entry, err := ReadEntry(file)
	require.NoError(t, err, at)
	require.NotEqual(t, media.StateRecording, entry.State, at)
	require.GreaterOrEqual(t, entry.DurationNS, int64(written-1)*int64(time.Second), at)
	frames := pictures(t, file)
	require.GreaterOrEqual(t, frames, written*25, at)
	require.LessOrEqual(t, frames, len(src.probe.of(0)), at)
}

// pictures counts the samples of a file's first track with go-mp4: there are too many files here to
// start ffprobe for each.
func pictures(t *testing.T, file string) (n int) {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	info, err := gomp4.Probe(f)
	require.NoError(t, err)
	traf := gomp4.BoxPath{gomp4.BoxTypeMoof(), gomp4.BoxTypeTraf()}
	boxes, err := gomp4.ExtractBoxesWithPayload(f, nil, []gomp4.BoxPath{append(traf[:2:2], gomp4.BoxTypeTfhd()), append(traf[:2:2], gomp4.BoxTypeTrun())})
	require.NoError(t, err)
	id := uint32(0)
	for _, b := range boxes {
		switch box := b.Payload.(type) {
		case *gomp4.Tfhd:
			id = box.TrackID
		case *gomp4.Trun:
			if id == 1 {
				n += int(box.SampleCount)
			}
		}
	}
	for _, track := range info.Tracks {
		if track.TrackID == 1 {
			n += len(track.Samples)
		}
	}
	return n
}

func TestAFullDiskFinishesTheFileAndIsReported(t *testing.T) {
	src := record(t, avc(8))
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			cfg := Defaults()
			cfg.Fragment = form.fragment
			full, chunks := false, 0
			disk := &faultFS{torn: true, fault: func(_ int, op string) error {
				if op == "writev" {
					chunks++
					full = full || chunks == 6 // the header and 4 chunks were written before
				}
				if full && op == "writev" {
					return unix.ENOSPC
				}
				return nil
			}}
			pool := media.NewCheckedPool()
			s, written, err := killed(t, src, pool, t.TempDir(), cfg, form.tail, disk)
			require.ErrorContains(t, err, unix.ENOSPC.Error())
			require.ErrorContains(t, err, "disk is full")
			require.ErrorContains(t, err, s.told[0].Path)
			require.Equal(t, 4, written)
			require.Equal(t, media.StateFinished, s.last().State)
			require.EqualValues(t, endcause.Error, s.last().EndReason)
			require.Len(t, files(s.dir), 1)
			requireSame(t, src, s.path(s.last()), 100, -2)
			requirePlays(t, s.path(s.last()))
			require.Zero(t, pool.Outstanding(), pool.Leaks())
		})
	}
}

func TestFailedFsyncIsNotRetried(t *testing.T) {
	src := record(t, avc(8))
	for _, op := range []string{"datasync", "sync"} {
		pool := media.NewCheckedPool()
		disk := &faultFS{fault: failOnce(op, 1, unix.EIO)}
		s, _, err := killed(t, src, pool, t.TempDir(), Defaults(), false, disk)
		require.ErrorContains(t, err, unix.EIO.Error())
		for i := len(disk.log) - 1; disk.log[i] != op; i-- {
			require.NotContains(t, []string{"sync", "datasync", "write", "writev", "rename"}, disk.log[i], "after a failed %s", op)
		}
		require.Equal(t, media.StateRecording, s.last().State, "recovery has yet to finish it")
		require.NotEmpty(t, s.last().EndReason, "and its writer has ended")
		require.Positive(t, s.last().DurationNS)
		require.Equal(t, []string{s.last().Path}, files(s.dir))
		require.Zero(t, pool.Outstanding(), pool.Leaks())
	}
}
