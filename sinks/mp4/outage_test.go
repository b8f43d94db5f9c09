package mp4

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// sickDisk is a directory whose writes fail with err while that is set.
type sickDisk struct {
	*session
	clock *steps
	err   error
	pool  *media.Pool
}

func newSickDisk(t *testing.T, cfg Config) *sickDisk {
	d := &sickDisk{clock: &steps{now: start}, pool: media.NewCheckedPool()}
	d.session = newSession(t, cfg, func(fs disk.FS) disk.FS {
		return &faultFS{FS: fs, fault: func(_ int, op string) error {
			if op == "remove" || op == "truncate" {
				return nil
			}
			return d.err
		}}
	})
	d.session.clock = d.clock
	return d
}

// send gives the stage chunks, one a second.
func (d *sickDisk) send(t *testing.T, seg *media.Segment, first bool, chunks ...*media.Chunk) {
	t.Helper()
	for i, c := range chunks {
		require.NoError(t, d.Process(t.Context(), media.Part{Segment: seg, First: first && i == 0, Chunk: c}, d.emit))
		d.clock.now = d.clock.now.Add(time.Second)
	}
}

// TestOutageCostsWhatItLasts fills the disk in the middle of a GOP. The file must be finished at
// once, and arriving chunks counted. The next file must begin with the newest key frame as soon as
// there is room, and report the gap since the last file and its cause. Failed tries must leave no
// file.
func TestOutageCostsWhatItLasts(t *testing.T) {
	for _, c := range []struct {
		err     error
		cause   media.Cause
		problem string
	}{
		{unix.ENOSPC, media.GapDiskFull, "disk_full"}, {unix.EDQUOT, media.GapDiskFull, "disk_full"},
		{fmt.Errorf("%w: %w", disk.ErrNoInodes, unix.ENOSPC), media.GapNoInodes, "no_inodes"}, {unix.EMLINK, media.GapDiskError, "directory_full"},
		{unix.EROFS, media.GapDiskError, "disk_read_only"}, {unix.EIO, media.GapDiskError, "disk_failed"},
		{unix.EMFILE, media.GapDiskError, "too_many_open_files"}, {unix.ENODEV, media.GapDiskError, "disk_away"},
		{disk.ErrSwapped, media.GapDiskError, "disk_away"},
	} {
		t.Run(c.err.Error(), func(t *testing.T) {
			d := newSickDisk(t, Defaults())
			set, chunks := synthetic{fps: 10, gop: 30, picture: 300, flush: time.Second, chunks: 15}.make(t, d.pool)
			require.NoError(t, d.Open(t.Context()))
			seg := segment(set, 1)
			seg.StartUTC = chunks[0].UTC
			d.send(t, seg, true, chunks[:4]...)
			ended, lost := chunks[4].UTC, chunks[4].AccessUnits()+chunks[5].AccessUnits()
			for _, n := range []int{6, 7, 8} {
				lost += chunks[n].AccessUnits()
			}
			d.err = c.err
			d.send(t, seg, false, chunks[4])
			began := d.report().Problems[0].Since
			d.send(t, seg, false, chunks[5:10]...)
			r := d.report()
			require.Len(t, r.Problems, 1)
			require.Equal(t, c.problem, r.Problems[0].Problem)
			require.True(t, r.Problems[0].Failing)
			require.NotEmpty(t, r.Problems[0].Remedy)
			require.Equal(t, began, r.Problems[0].Since)
			require.False(t, r.Recording)
			require.Equal(t, "disk", r.Waiting)
			d.err = nil
			next := chunks[9].UTC // the newest key frame
			d.send(t, seg, false, chunks[10:12]...)
			require.Empty(t, d.report().Problems)
			require.True(t, d.report().Recording)
			require.NoError(t, d.end(seg, endcause.Stop))
			for _, c := range chunks[12:] {
				c.Release()
			}
			require.NoError(t, d.Close())
			require.Zero(t, d.pool.Outstanding(), d.pool.Leaks())

			last := map[media.ID]media.Recording{}
			var order []media.ID
			for _, r := range d.told {
				if _, known := last[r.ID]; !known {
					order = append(order, r.ID)
				}
				last[r.ID] = r
			}
			require.Len(t, order, 2, "a row a file")
			one, two := last[order[0]], last[order[1]]
			if c.err == unix.ENOSPC || c.err == unix.EDQUOT { // with another error finishing fails, too
				require.Equal(t, media.StateRecording, one.State)
			}
			require.Equal(t, media.StateFinished, two.State)
			require.Equal(t, next, two.StartUTC)
			require.Equal(t, c.cause, two.Gap.Cause)
			require.InDelta(t, next-ended, two.Gap.DurationNS, float64(time.Millisecond))
			require.Equal(t, 5, two.Gap.Chunks)
			require.Equal(t, []pipeline.Drop{{Stage: "mp4", Cause: string(c.cause), AccessUnits: uint64(lost), Bytes: d.report().Drops[0].Bytes}}, d.report().Drops)
			require.EqualValues(t, 1, d.report().Gaps)
		})
	}
}

// TestShortOutageCostsNothing checks a failure of less than a second at the begin of a GOP.
func TestShortOutageCostsNothing(t *testing.T) {
	d := newSickDisk(t, Defaults())
	set, chunks := synthetic{fps: 10, gop: 10, picture: 300, flush: time.Second, chunks: 4}.make(t, d.pool)
	require.NoError(t, d.Open(t.Context()))
	seg := segment(set, 1)
	d.err = unix.ENOSPC
	d.send(t, seg, true, chunks[0])
	d.err = nil
	d.send(t, seg, false, chunks[1:]...)
	require.NoError(t, d.end(seg, endcause.Stop))
	require.NoError(t, d.Close())
	require.Empty(t, d.report().Drops)
	require.Zero(t, d.report().Gaps)
	require.True(t, d.last().Gap.None())
	require.Zero(t, d.pool.Outstanding(), d.pool.Leaks())
}

// TestEventWaitsForTheDisk checks that the clip of an event waits for the disk while chunks wait in
// the ring.
func TestEventWaitsForTheDisk(t *testing.T) {
	d := newSickDisk(t, Defaults())
	d.waitsForDisk = true
	set, chunks := synthetic{fps: 10, gop: 10, picture: 300, flush: time.Second, chunks: 3}.make(t, d.pool)
	require.NoError(t, d.Open(t.Context()))
	d.err = unix.ENOSPC
	tries := 0
	d.Muxer.trouble = func(err error) {
		if tries++; tries == 5 {
			d.err = nil
		}
	}
	seg := segment(set, 1)
	d.send(t, seg, true, chunks...)
	require.NoError(t, d.end(seg, endcause.Event))
	require.NoError(t, d.Close())
	require.Equal(t, media.StateFinished, d.last().State)
	require.True(t, d.last().Gap.None())
	require.InDelta(t, 3*time.Second, d.last().DurationNS, float64(200*time.Millisecond))
	require.Zero(t, d.pool.Outstanding(), d.pool.Leaks())
}

// TestAbortEndsTheWaitForTheDisk checks that an abort ends the wait and releases the held chunks.
func TestAbortEndsTheWaitForTheDisk(t *testing.T) {
	d := newSickDisk(t, Defaults())
	d.waitsForDisk = true
	d.Muxer.clock = pipeline.SystemClock
	set, chunks := synthetic{fps: 10, gop: 10, picture: 300, flush: time.Second, chunks: 1}.make(t, d.pool)
	require.NoError(t, d.Open(t.Context()))
	d.err = unix.ENOSPC
	ctx, abort := context.WithCancelCause(t.Context())
	d.Muxer.trouble = func(error) { abort(pipeline.ErrAborted) }
	require.ErrorIs(t, d.Process(ctx, media.Part{Segment: segment(set, 1), First: true, Chunk: chunks[0]}, d.emit), pipeline.ErrAborted)
	require.NoError(t, d.Close())
	release(chunks[1:])
	require.Zero(t, d.pool.Outstanding(), d.pool.Leaks())
}

// TestGapOutlivesTheRun checks that neither a publisher that reconnects during an outage nor a
// restart of the process shortens the gap.
func TestGapOutlivesTheRun(t *testing.T) {
	known := &Interrupted{}
	d := newSickDisk(t, Defaults())
	d.interrupted = known
	set, chunks := synthetic{fps: 10, gop: 10, picture: 300, flush: time.Second, chunks: 6}.make(t, d.pool)
	require.NoError(t, d.Open(t.Context()))
	seg := segment(set, 1)
	d.send(t, seg, true, chunks[0])
	ended, second, fifth := chunks[1].UTC, chunks[2].UTC, chunks[4].UTC
	d.err = unix.ENOSPC
	d.send(t, seg, false, chunks[1])
	require.NoError(t, d.end(seg, endcause.SourceLost))
	require.NoError(t, d.Flush(t.Context(), d.emit)) // for the reason stop: see below
	known.leave(d.key, interruption{at: ended, cause: media.GapDiskFull})
	require.NoError(t, d.Close())

	cfg := d.cfg
	again := newSickDisk(t, cfg)
	again.interrupted, again.pool = known, d.pool
	require.NoError(t, again.Open(t.Context()))
	again.send(t, segment(set, 2), true, chunks[2])
	require.NoError(t, again.Close())
	require.Equal(t, media.GapDiskFull, again.told[0].Gap.Cause)
	require.Equal(t, second-ended, again.told[0].Gap.DurationNS)

	known.Last = func(stream, pipeline string) int64 { return ended }
	restarted := newSickDisk(t, cfg)
	restarted.interrupted, restarted.pool = known, d.pool
	require.NoError(t, restarted.Open(t.Context()))
	restarted.err = unix.ENOSPC
	third := segment(set, 3)
	restarted.send(t, third, true, chunks[3:5]...)
	restarted.err = nil
	restarted.send(t, third, false, chunks[5:]...)
	require.NoError(t, restarted.Close())
	require.Equal(t, media.GapDiskFull, restarted.told[0].Gap.Cause)
	require.Equal(t, fifth-ended, restarted.told[0].Gap.DurationNS)
	require.Zero(t, d.pool.Outstanding(), d.pool.Leaks())
}
