package media

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// gapsOf flushes and returns every gap.
func gapsOf(f *feed) (out []Gap) {
	f.Flush()
	for _, c := range f.out {
		if !c.Gap.None() {
			out = append(out, c.Gap)
		}
	}
	return out
}

// after appends units in real time like live, after a silence in which units were lost.
func (f *feed) after(silence time.Duration, lost int, dts int64, n int) {
	f.t.Helper()
	f.now += int64(silence)
	for i := range n {
		au := f.unit(dts+int64(i)*3600, i == 0)
		if i == 0 {
			au.Lost = lost
		}
		require.NoError(f.t, f.Append(0, au))
		f.now += 40e6
	}
}

func TestALossAtAJumpIsReportedAsALoss(t *testing.T) {
	const s = int64(time.Second)
	for name, c := range map[string]struct {
		silence time.Duration // from the last unit to the next one
		lost    int
		jump    int64 // ticks
		want    []Gap
	}{
		"jump":                    {40 * time.Millisecond, 0, 3600 * 90000, []Gap{{Cause: GapTimestampJump}}},
		"jump after a pause":      {5 * time.Second, 0, 3600 * 90000, []Gap{{Cause: GapStall, DurationNS: 5 * s}}},
		"loss and jump":           {4 * time.Second, 99, 3600 * 90000, []Gap{{Cause: GapRTPLoss, DurationNS: 4 * s}}},
		"loss and jump back":      {4 * time.Second, 99, -3600 * 90000, []Gap{{Cause: GapRTPLoss, DurationNS: 4 * s}}},
		"short loss and jump":     {80 * time.Millisecond, 1, 3600 * 90000, []Gap{{Cause: GapRTPLoss, DurationNS: s * 8 / 100}}},
		"faster than life":        {0, 49, 3600 * 90000, []Gap{{Cause: GapRTPLoss, DurationNS: 2 * s}}},
		"loss without a jump":     {3 * time.Second, 74, 3*90000 - 3600, []Gap{{Cause: GapRTPLoss, DurationNS: 3 * s}}},
		"loss of a picture":       {80 * time.Millisecond, 1, 3600, nil},
		"silence without loss":    {3 * time.Second, 0, 3*90000 - 3600, nil},
		"stall":                   {20 * time.Second, 0, 20*90000 - 3600, []Gap{{Cause: GapStall, DurationNS: 20 * s}}},
		"stall in which was loss": {20 * time.Second, 499, 20*90000 - 3600, []Gap{{Cause: GapRTPLoss, DurationNS: 20 * s}}},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFeed(t, BuilderConfig{}, video())
			f.after(0, 0, 0, 50)
			f.after(c.silence-40*time.Millisecond, c.lost, 50*3600+c.jump, 50)
			require.Equal(t, c.want, gapsOf(f))
		})
	}
}

func TestSeveralGapsBeforeOneKeyFrameAddUp(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video())
	f.after(0, 0, 0, 25)
	f.now += 20e9
	f.add(0, 25*3600+20*90000, false) // a stall
	f.now += 5e9
	au := f.unit(7200*90000, false) // a loss and a jump
	au.Lost = 100
	require.NoError(t, f.Append(0, au))
	f.now += 40e6
	f.add(0, 7200*90000+3600, true)
	gaps := gapsOf(f)
	require.Len(t, gaps, 1)
	require.Equal(t, GapStall, gaps[0].Cause)
	require.EqualValues(t, 25040e6, gaps[0].DurationNS)
}

// A loss before a refused unit is in the gap before the next one.
func TestALossBeforeAUnitThatIsLeftOutIsKept(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video())
	f.after(0, 0, 0, 25)
	late := f.unit(0, false)
	late.Lost = 3
	require.ErrorIs(t, f.Append(0, late), ErrTimeBack)
	f.now += 4e9
	f.add(0, 29*90000, true)
	gaps := gapsOf(f)
	require.Len(t, gaps, 1)
	require.Equal(t, GapRTPLoss, gaps[0].Cause)
}

func TestTheFirstGOPOfNewTracksIsLost(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video())
	f.after(0, 0, 0, 25)
	larger := video()
	larger.Width = 1920
	f.SetTracks(setOf(t, larger))
	au := f.unit(26*3600, false)
	au.Lost = 1
	require.ErrorIs(t, f.Append(0, au), ErrNoKeyFrame)
	f.now += 4e9
	f.after(0, 0, 26*3600+4*90000, 25)
	require.Equal(t, []Gap{{Cause: GapRTPLoss, DurationNS: 4e9 + 40e6}}, gapsOf(f))
}

func TestAnotherPublishersGapCountsFromTheLastUnitToTheFirstKeyFrame(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video())
	f.after(0, 0, 0, 25) // the last one at 0.96 s
	f.now += 10e9        // until the server notices
	f.SetTracks(setOf(t, video()))
	f.Return(2 * time.Second)
	f.now += 3e9
	require.ErrorIs(t, f.Append(0, f.unit(0, false)), ErrNoKeyFrame)
	f.now += 1e9
	f.after(0, 0, 0, 25)
	require.Equal(t, []Gap{{Cause: GapSourceLost, DurationNS: 14e9 + 40e6}}, gapsOf(f))
}

func TestTheFirstGapWithALossNamesTheCause(t *testing.T) {
	jump, stall, drop := Gap{Cause: GapTimestampJump}, Gap{Cause: GapStall, DurationNS: 5}, Gap{Cause: GapOverload, DurationNS: 7, Chunks: 2}
	require.Equal(t, Gap{Cause: GapStall, DurationNS: 5}, jump.Plus(stall))
	require.Equal(t, Gap{Cause: GapStall, DurationNS: 5}, stall.Plus(jump))
	require.Equal(t, Gap{Cause: GapStall, DurationNS: 12, Chunks: 2}, jump.Plus(stall).Plus(drop))
	require.Equal(t, Gap{Cause: GapOverload, DurationNS: 12, Chunks: 2}, drop.Plus(stall))
	require.Equal(t, drop, Gap{}.Plus(drop))
	require.Equal(t, drop, drop.Plus(Gap{}))
	require.True(t, jump.Plus(jump).Lossless())
	require.False(t, jump.Plus(drop).Lossless())
	require.True(t, Gap{}.Lossless())
}

// Sound jumps before the picture does, and the picture has a loss: the loss counts once.
func TestALossOfTheTrackThatFollowsAJumpCountsOnce(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video(), audio())
	v, a := stream{step: 3600, scale: 90000}, stream{step: 1024, scale: 48000}
	for ; f.now < 2e9; f.now += 5e6 {
		v.due(f, 0, f.now, 2e9, hour)
		a.due(f, 1, f.now, 2e9, hour)
	}
	for ; f.now < 5e9; f.now += 5e6 { // pictures are lost
		a.due(f, 1, f.now, 2e9, hour)
	}
	au := f.unit(FromNanos(f.now+hour, 90000), true)
	au.Lost = 75
	require.NoError(t, f.Append(0, au))
	gaps := gapsOf(f)
	require.Len(t, gaps, 1)
	require.Equal(t, GapRTPLoss, gaps[0].Cause)
	require.InDelta(t, 3.04e9, float64(gaps[0].DurationNS), 1e7)
}

func TestTheGapOfALossNamesTheProtocol(t *testing.T) {
	for by, want := range map[Cause]Cause{"": GapRTPLoss, DropTSLoss: DropTSLoss, DropSRTLoss: DropSRTLoss, DropDamaged: GapRTPLoss} {
		f := newFeed(t, BuilderConfig{}, video())
		f.after(0, 0, 0, 50)
		f.now += 3e9
		au := f.unit(53*90000, true)
		au.Lost, au.LostBy = 74, by
		require.NoError(t, f.Append(0, au))
		gaps := gapsOf(f)
		require.Len(t, gaps, 1)
		require.Equal(t, want, gaps[0].Cause)
	}
}
