package media

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

const hour = int64(time.Hour)

func TestJumpOfAllTracksKeepsTheirOffset(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFeed(t, BuilderConfig{}, video(), audio())
		v, a := stream{step: 3600, scale: 90000}, stream{step: 1024, scale: 48000}
		skew := rapid.Int64Range(-300e6, 300e6).Draw(rt, "sound arrives earlier by") // ns
		jump := rapid.SampledFrom([]int64{hour, -hour, 3 * int64(time.Second), -3 * int64(time.Second), 40 * hour}).Draw(rt, "jump")
		at := rapid.Int64Range(1e9, 4e9).Draw(rt, "at")
		for now := int64(0); now < 8e9; now += 5e6 {
			f.now = now
			v.due(f, 0, now, at, jump)
			a.due(f, 1, now+skew, at, jump)
		}
		out := f.times(0)
		require.Len(rt, out, v.n, "nothing is lost")
		shiftV := ToNanos(out[v.n-1]-v.last, v.scale)
		out = f.times(1)
		require.Len(rt, out, a.n)
		shiftA := ToNanos(out[a.n-1]-a.last, a.scale)
		require.InDelta(rt, shiftV, shiftA, 1e9/48000, "sound and picture drift apart")
		require.InDelta(rt, -jump, shiftV, 1e9, "the time line goes on")
		checkJumpGaps(rt, f.out)
	})
}

// checkJumpGaps wants one gap, on a chunk that starts a GOP.
func checkJumpGaps(t require.TestingT, out []*Chunk) {
	gaps := 0
	for _, c := range out {
		if !c.Gap.None() {
			gaps++
			require.True(t, c.StartsGOP)
			require.Equal(t, Gap{Cause: GapTimestampJump}, c.Gap)
		}
	}
	require.Equal(t, 1, gaps)
}

// stream is a track whose access units are sent when media time reaches them.
type stream struct {
	step  int64
	scale uint32
	base  int64 // ns, where its clock begins
	n     int
	last  int64 // time of the last one, as sent
}

// due appends the access units that are due at a moment of media time. After at, the sender's clock is off by jump.
func (s *stream) due(f *feed, track int, now, at, jump int64) {
	for ToNanos(int64(s.n)*s.step, s.scale) <= now {
		s.last = FromNanos(s.base, s.scale) + int64(s.n)*s.step
		if ToNanos(s.last, s.scale) >= at {
			s.last += FromNanos(jump, s.scale)
		}
		f.add(track, s.last, s.n%25 == 0)
		s.n++
	}
}

// The sender is started again: its clock begins at another time, and sound and
// picture begin together, wherever either was before.
func TestRestartOfTheSenderLosesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFeed(t, BuilderConfig{}, video(), audio())
		ahead := rapid.Int64Range(-500e6, 500e6).Draw(rt, "sound is ahead by")
		base := rapid.SampledFrom([]int64{hour, -hour, 5e9, -5e9}).Draw(rt, "new clock")
		pictureFirst := rapid.Bool().Draw(rt, "picture first")
		v, a := stream{step: 3600, scale: 90000}, stream{step: 1024, scale: 48000}
		for f.now = 0; f.now < 3e9; f.now += 5e6 {
			v.due(f, 0, f.now, math.MaxInt64, 0)
			a.due(f, 1, f.now+ahead, math.MaxInt64, 0)
		}
		if rapid.IntRange(0, 3).Draw(rt, "the sender") == 0 {
			f.now += 3e9 // takes its time
		}
		began := f.now
		w, b := stream{step: 3600, scale: 90000, base: base}, stream{step: 1024, scale: 48000, base: base}
		for ; f.now < began+3e9; f.now += 5e6 {
			if pictureFirst {
				w.due(f, 0, f.now-began, math.MaxInt64, 0)
			}
			b.due(f, 1, f.now-began, math.MaxInt64, 0)
			w.due(f, 0, f.now-began, math.MaxInt64, 0)
		}
		pictures, sound := f.times(0), f.times(1)
		require.Len(rt, pictures, v.n+w.n)
		require.Len(rt, sound, a.n+b.n)
		checkOrder(rt, f.out)
		shiftV := ToNanos(pictures[len(pictures)-1]-w.last, 90000)
		shiftA := ToNanos(sound[len(sound)-1]-b.last, 48000)
		require.InDelta(rt, shiftV, shiftA, 1e9/48000, "sound and picture drift apart")
		require.Less(rt, ToNanos(pictures[len(pictures)-1], 90000), int64(8e9), "no hole")
	})
}

func TestTracksThatJumpApartBothGoOn(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video(), audio())
	f.live(0, 0, 3600, 25)
	f.now = 0
	f.live(1, 0, 1024, 47)
	f.live(0, 3600*90000, 3600, 25)
	f.now = 1e9
	f.live(1, 3000*48000, 1024, 47) // not by as much
	f.now = 2e9
	f.live(0, 3601*90000, 3600, 25)
	require.EqualValues(t, 74*3600, f.times(0)[74])
	require.Less(t, f.times(1)[93], int64(3*48000), "it is not put where the picture's jump would have it")
}

func TestSoundThatPausedJumpsWithThePicture(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video(), audio())
	f.live(1, 0, 1024, 1)
	f.now = 0
	next := f.live(0, 0, 3600, 125) // five seconds without sound
	f.live(0, next+3600*90000, 3600, 1)
	f.add(1, 3605*48000, true)
	require.Equal(t, []int64{0, 5 * 48000}, f.times(1))
	checkJumpGaps(t, f.out)
}

func TestJumpAfterAPauseDoesNotHideTheNext(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video())
	f.live(0, 0, 3600, 25)
	f.now += 30e9
	f.live(0, 3600*90000, 3600, 25)
	f.live(0, 3606*90000, 3600, 25)
	require.EqualValues(t, 74*3600, f.times(0)[74])
}

func TestPauseDoesNotHideAJump(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video())
	next := f.live(0, 0, 3600, 25)
	f.now += hour // the sender pauses, its clock with it
	next = f.live(0, next, 3600, 25)
	f.live(0, next+1800*90000, 3600, 25)
	require.EqualValues(t, 74*3600, f.times(0)[74])
	checkJumpGaps(t, f.out)
}

func TestJumpIsWithinAFrame(t *testing.T) {
	for name, jump := range map[string]int64{"forward": 3600 * 90000, "back": -3600 * 90000} {
		t.Run(name, func(t *testing.T) {
			f := newFeed(t, BuilderConfig{}, video())
			next := f.live(0, 0, 3600, 30)
			f.live(0, next+jump, 3600, 30)
			times := f.times(0)
			for i, dts := range times {
				require.EqualValues(t, i*3600, dts)
			}
			require.Len(t, times, 60)
			checkJumpGaps(t, f.out)
		})
	}
}

func TestLateFramesAreNotAJump(t *testing.T) {
	// The network stalls for 6 s; 2 s wait in the sender's buffer, 4 s are
	// dropped there. Picture only: sound, if it jumped with it, would be off.
	f := newFeed(t, BuilderConfig{}, video())
	next := f.live(0, 0, 3600, 50)
	f.now += 6e9
	for range 50 {
		f.add(0, next, false)
		next += 3600
	}
	f.live(0, next+4*90000, 3600, 50)
	times := f.times(0)
	require.Equal(t, next+4*90000+49*3600, times[len(times)-1], "four seconds are missing, and stay so")
	for _, c := range f.out {
		require.True(t, c.Gap.None())
	}
}

func TestSlowFramesAfterADelayAreNotAJump(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video())
	const step = 5 * 90000 // a frame in five seconds
	next := f.live(0, 0, step, 4)
	f.now += 5e9 + 3e9
	f.add(0, next, true)
	f.now += 2e9 // on time again
	f.add(0, next+step, true)
	require.Equal(t, []int64{0, step, 2 * step, 3 * step, 4 * step, 5 * step}, f.times(0))
}

func TestDriftingClockDoesNotHideAJump(t *testing.T) {
	gaps := 0
	b := NewBuilder(NewCheckedPool(), BuilderConfig{}, func(c *Chunk) {
		if !c.Gap.None() {
			gaps++
		}
		c.Release()
	})
	b.SetTracks(setOf(t, video()))
	au := AU{Sync: true, Payload: [][]byte{{1}}}
	for range 2 * 3600 * 25 { // two hours, a thousandth too slow
		au.DTS, au.PTS, au.MonoNS = au.DTS+3600, au.PTS+3600, au.MonoNS+4004e4
		require.NoError(t, b.Append(0, &au))
	}
	au.DTS += 4 * 90000
	au.PTS = au.DTS
	require.NoError(t, b.Append(0, &au))
	b.Flush()
	require.Equal(t, 1, gaps, "the recorder takes the sender to be seven seconds late")
}

func TestStallIsAGapAndNoLongFrame(t *testing.T) {
	f := newFeed(t, BuilderConfig{Flush: 20 * time.Second}, video())
	next := f.live(0, 0, 3600, 10)
	f.now += 60e9
	f.live(0, next+60*90000, 3600, 10)
	f.Flush()
	require.Len(t, f.out, 2)
	require.EqualValues(t, 3600, f.out[0].Tracks[0].DurationTicks(9))
	require.Equal(t, Gap{Cause: GapStall, DurationNS: 60e9 + 4e7}, f.out[1].Gap)
}

func TestStallWithinAGOPMarksTheNextOne(t *testing.T) {
	f := newFeed(t, BuilderConfig{Flush: time.Minute}, video())
	next := f.live(0, 0, 3600, 10) + 20*90000
	f.now += 20e9
	f.add(0, next, false)
	f.add(0, next+3600, true)
	f.Flush()
	require.Len(t, f.out, 3, "a stall cuts, whatever the flush interval")
	require.False(t, f.out[1].StartsGOP)
	require.True(t, f.out[1].Gap.None())
	require.Equal(t, GapStall, f.out[2].Gap.Cause)
}

func TestJumpDoesNotHideAGapThatIsKnown(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video())
	next := f.live(0, 0, 3600, 10)
	lost := Gap{Cause: GapSourceLost, DurationNS: 5e9}
	f.MarkGap(lost)
	f.live(0, next+3600*90000, 3600, 10)
	f.Flush()
	require.Equal(t, lost, f.out[1].Gap)
}

func TestTimeThatDoesNotAdvanceIsRefused(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video())
	f.add(0, 9000, true)
	for _, dts := range []int64{9000, 8999, 9000 - 2*90000} {
		require.ErrorIs(t, f.Append(0, f.unit(dts, true)), ErrTimeBack, "%d", dts)
	}
	f.add(0, 9001, false)
	require.Equal(t, []int64{9000, 9001}, f.times(0))
}

func TestExtremeTimes(t *testing.T) {
	for _, scale := range []uint32{1, 1000, 90000, 4e9, math.MaxUint32} {
		t.Run("", func(t *testing.T) {
			v := video()
			v.Timescale = scale
			f := newFeed(t, BuilderConfig{}, v)
			for _, dts := range []int64{math.MinInt64, math.MinInt64 + 1, math.MaxInt64, math.MaxInt64 - 1} {
				require.ErrorIs(t, f.Append(0, f.unit(dts, true)), ErrTimeRange, "%d", dts)
			}
			edge := f.tracks[0].timeTicks
			require.ErrorIs(t, f.Append(0, f.unit(edge+1, true)), ErrTimeRange)
			require.ErrorIs(t, f.Append(0, f.unit(-edge-1, true)), ErrTimeRange)
			f.add(0, edge, true)
			for range 5 { // each is a jump over the whole range
				f.add(0, -edge, true)
				f.add(0, edge, true)
			}
			f.Flush()
			require.Len(t, f.out, 11)
			checkOrder(t, f.out)
		})
	}
}

func TestTimeLineEndsBeforeItsTypeDoes(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video())
	f.add(0, 0, true)
	f.tracks[0].shiftTicks, f.tracks[0].lastTicks = maxLine, maxLine-1
	require.ErrorIs(t, f.Append(0, f.unit(3600, false)), ErrTimeRange)
}

// checkOrder wants times and durations to advance over all chunks of one set.
func checkOrder(t require.TestingT, out []*Chunk) {
	last := map[int]int64{}
	for _, c := range out {
		for i := range c.Tracks {
			col := &c.Tracks[i]
			for k, dts := range col.DTS {
				if before, ok := last[i]; ok {
					require.Greater(t, dts, before, "track %d", i)
				}
				require.Positive(t, col.DurationTicks(k), "track %d", i)
				last[i] = dts
			}
		}
	}
}

func TestOffsetThatNoColumnHoldsIsRefused(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video())
	for _, pts := range []int64{1000 + math.MaxInt32 + 1, 1000 + math.MinInt32 - 1, math.MinInt64, math.MaxInt64} {
		au := f.unit(1000, true)
		au.PTS = pts
		require.ErrorIs(t, f.Append(0, au), ErrOffset, "%d", pts)
	}
	au := f.unit(-1000, true)
	au.PTS = math.MaxInt64
	require.ErrorIs(t, f.Append(0, au), ErrOffset)
	au.PTS = -1000 + math.MinInt32
	require.NoError(t, f.Append(0, au))
	f.Flush()
	require.Equal(t, []int32{math.MinInt32}, f.out[0].Tracks[0].OffsetTicks)
}

func TestTracksThatStartBehindAJumpAreCorrectedToo(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video(), audio())
	next := f.live(0, 0, 3600, 10)
	next = f.live(0, next+3600*90000, 3600, 10)
	f.add(1, Rescale(next, 90000, 48000), true)
	require.EqualValues(t, []int64{Rescale(20*3600, 90000, 48000)}, f.times(1))
}
