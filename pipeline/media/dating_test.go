package media

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A set clock takes effect where a GOP begins, and not within a GOP, where no file could begin with the new time.
func TestASetClockShowsWhereAGOPBegins(t *testing.T) {
	for _, by := range []time.Duration{time.Millisecond, -1500 * time.Millisecond, time.Hour, -time.Hour} {
		f := newFeed(t, BuilderConfig{Flush: 200 * time.Millisecond}, video())
		began := f.now
		for i := range int64(100) { // a key frame each second
			au := f.unit(i*3600, i%25 == 0)
			if i >= 30 {
				au.UTC, au.SteppedNS = au.UTC+int64(by), int64(by)
			}
			require.NoError(t, f.Append(0, au))
			f.now += 40e6
		}
		f.Flush()
		for _, c := range f.out {
			at := ToNanos(c.Lead().DTS[0], 90000)
			want := int64(0)
			if at >= 2e9 {
				want = int64(by)
			}
			require.Equal(t, want, c.SteppedNS, "at %s, set by %s", time.Duration(at), by)
			require.Equal(t, 1e18+began+at+want, c.UTC)
			require.True(t, c.Gap.None(), "nothing is missing of the stream")
		}
	}
}

// A set clock does not prolong the absence of a publisher.
func TestASetClockMakesNoPublisherStayAwayLonger(t *testing.T) {
	for _, by := range []time.Duration{time.Hour, -time.Hour} {
		f := newFeed(t, BuilderConfig{}, video())
		f.after(0, 0, 0, 25) // the last one at 0.96 s
		f.now += 10e9
		f.SetTracks(setOf(t, video()))
		f.Return(2 * time.Second)
		au := f.unit(0, true)
		au.UTC, au.SteppedNS = au.UTC+int64(by), int64(by)
		require.NoError(t, f.Append(0, au))
		f.Flush()
		got := f.out[len(f.out)-1].Gap
		require.Equal(t, GapSourceLost, got.Cause)
		require.InDelta(t, 10e9, got.DurationNS, 1e8)
	}
}

func TestAClockStepIsAGapInWhichNothingIsMissing(t *testing.T) {
	step := Gap{Cause: GapClockStep, StepNS: 3600e9}
	require.True(t, step.Lossless())
	require.Equal(t, Gap{Cause: GapStall, DurationNS: 5, StepNS: 3600e9}, step.Plus(Gap{Cause: GapStall, DurationNS: 5}))
	require.Zero(t, ClockStep(-MinClockStepNS+1))
	require.EqualValues(t, -MinClockStepNS, ClockStep(-MinClockStepNS))
}
