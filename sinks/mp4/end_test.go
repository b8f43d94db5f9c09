package mp4

import (
	"context"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// TestAFileEndsItsDurationAfterItsStart checks that the end does not depend on the wall clock of the
// chunks: in a growing file, in a finished one, and in a recovered one.
func TestAFileEndsItsDurationAfterItsStart(t *testing.T) {
	for name, speed := range map[string]uint32{"life": 0, "time-lapse": 60} {
		for _, killed := range []bool{false, true} {
			for _, off := range []time.Duration{-time.Hour, time.Hour, 50 * 365 * 24 * time.Hour} {
				pool := media.NewCheckedPool()
				s := newSession(t, Defaults(), nil)
				set, chunks := synthetic{fps: 10, gop: 10, picture: 300, flush: time.Second, chunks: 4}.make(t, pool)
				set.Speed = speed
				for _, c := range chunks[2:] {
					c.UTC += int64(off)
				}
				require.NoError(t, s.Open(t.Context()))
				seg := segment(set, 1)
				require.NoError(t, s.put(seg, chunks))
				if !killed {
					require.NoError(t, s.end(seg, endcause.Stop))
				}
				require.NoError(t, s.Close())
				got := s.last()
				if killed {
					require.NoError(t, Recover(context.Background(), s.dir, func(r Repaired) { got = r.Recording }))
				}
				require.Equal(t, start.UnixNano(), got.StartUTC, name)
				require.Equal(t, got.StartUTC+got.DurationNS*int64(max(speed, 1)), got.EndUTC, "%s, killed %v, %s", name, killed, off)
				own, err := ReadEntry(s.path(got))
				require.NoError(t, err)
				require.Equal(t, got.EndUTC, own.EndUTC)
			}
		}
	}
}

// TestAFileThatIsDeletedWhileItGrowsEndsItsDurationAfterItsStart checks a file that is deleted after
// the clock was set.
func TestAFileThatIsDeletedWhileItGrowsEndsItsDurationAfterItsStart(t *testing.T) {
	for _, off := range []time.Duration{-time.Hour, time.Hour} {
		s := newSession(t, Defaults(), nil)
		set, chunks := synthetic{fps: 10, gop: 10, picture: 300, flush: time.Second, chunks: 4}.make(t, media.NewCheckedPool())
		for _, c := range chunks[2:] {
			c.UTC += int64(off)
		}
		require.NoError(t, s.Open(t.Context()))
		seg := segment(set, 1)
		require.NoError(t, s.put(seg, chunks))
		require.NoError(t, os.Remove(s.path(s.last())))
		require.NoError(t, s.end(seg, endcause.Stop))
		require.NoError(t, s.Close())
		got := s.last()
		require.Equal(t, media.StateLost, got.State)
		require.Equal(t, got.StartUTC+got.DurationNS, got.EndUTC, "%s", off)
	}
}

// TestTheEndThatAnEarlierVersionWroteIsMended checks files during which the clock was set. The end of
// a time-lapse, whose entry lacks the speed, stays.
func TestTheEndThatAnEarlierVersionWroteIsMended(t *testing.T) {
	const s = int64(time.Second)
	for name, c := range map[string]struct {
		gop     int
		end     func(duration int64) int64 // relative to the start
		kept    bool
		growing bool // the fragmented form does not identify a time-lapse
	}{
		"reversed":             {10, func(d int64) int64 { return d - 3600*s }, false, true},
		"too long":             {10, func(d int64) int64 { return d + 5*s }, false, false},
		"decades":              {10, func(d int64) int64 { return d + 56*365*86400*s }, false, true},
		"a sender that drifts": {10, func(d int64) int64 { return d + s/2 }, true, true},
		"time-lapse":           {1, func(d int64) int64 { return 60 * d }, true, true},
		"reversed time-lapse":  {1, func(d int64) int64 { return d - 3600*s }, false, true},
	} {
		for _, fragment := range []bool{false, true} {
			if fragment && !c.growing {
				continue
			}
			pool, cfg := media.NewCheckedPool(), Defaults()
			cfg.Fragment = fragment
			d := newSession(t, cfg, nil)
			set, chunks := synthetic{fps: 10, gop: c.gop, picture: 300, flush: time.Second, chunks: 4}.make(t, pool)
			require.NoError(t, d.Open(t.Context()))
			seg := segment(set, 1)
			require.NoError(t, d.put(seg, chunks))
			require.NoError(t, d.end(seg, endcause.Stop))
			require.NoError(t, d.Close())
			rec := d.last()
			_, at, err := entryIn(t, d.path(rec))
			require.NoError(t, err)
			wrote := rec.StartUTC + c.end(rec.DurationNS)
			old := outcome{state: media.StateFinished, reason: endcause.Stop, endUTC: wrote, durationNS: rec.DurationNS}
			b := old.encode()
			f, err := os.OpenFile(d.path(rec), os.O_RDWR, 0)
			require.NoError(t, err)
			_, err = f.WriteAt(b[:], at+entryOutcomeAt)
			require.NoError(t, err)
			require.NoError(t, f.Close())
			own, err := ReadEntry(d.path(rec))
			require.NoError(t, err)
			want := rec.EndUTC
			if c.kept {
				want = wrote
			}
			require.Equal(t, want, own.EndUTC, "%s, fragment %v", name, fragment)
		}
	}
}

// TestAnOutageAcrossAStepLastsAsLongAsItDid sets the clock while the disk is full.
func TestAnOutageAcrossAStepLastsAsLongAsItDid(t *testing.T) {
	for _, step := range []int64{3600e9, -3600e9} {
		d := newSickDisk(t, Defaults())
		set, chunks := synthetic{fps: 10, gop: 10, picture: 300, flush: time.Second, chunks: 8}.make(t, d.pool)
		for _, c := range chunks[4:] {
			c.UTC, c.SteppedNS = c.UTC+step, step
		}
		require.NoError(t, d.Open(t.Context()))
		first := segment(set, 1)
		d.send(t, first, true, chunks[:2]...)
		d.err = unix.ENOSPC
		d.send(t, first, false, chunks[2:4]...)
		require.NoError(t, d.end(first, endcause.Gap))
		second := segment(set, 2)
		second.StartUTC, second.Gap = chunks[4].UTC, media.Gap{Cause: media.GapClockStep, StepNS: step}
		d.send(t, second, true, chunks[4])
		d.err = nil
		d.send(t, second, false, chunks[5:]...)
		require.NoError(t, d.end(second, endcause.Stop))
		require.NoError(t, d.Close())
		got := d.last()
		require.Equal(t, media.GapDiskFull, got.Gap.Cause)
		require.Equal(t, step, got.Gap.StepNS)
		require.Less(t, got.Gap.DurationNS, int64(10e9))
		require.Equal(t, start.UnixNano()+2e9+got.Gap.DurationNS+step, got.StartUTC, "it begins so much after the end of the one before")
		require.Zero(t, d.pool.Outstanding(), d.pool.Leaks())
	}
}
