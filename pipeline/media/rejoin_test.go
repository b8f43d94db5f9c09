package media

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// returns appends a second of pictures and sound whose times begin anew, after the publisher was away.
func (f *feed) returns(away time.Duration, dts int64) {
	f.t.Helper()
	f.now += int64(away) - 40e6
	f.Rejoin()
	for i := range int64(25) {
		f.add(0, dts+i*3600, i == 0)
		f.add(1, (dts+i*3600)*48000/90000, true)
		f.now += 40e6
	}
}

func TestAPublisherThatReturnsContinuesTheTimeLineBehindAGap(t *testing.T) {
	for name, dts := range map[string]int64{"its clock restarts": 0, "it goes on": 8 * 90000, "it is another one": 1 << 40, "below zero": -1 << 30} {
		t.Run(name, func(t *testing.T) {
			f := newFeed(t, BuilderConfig{}, video(), audio())
			set := f.Set()
			f.returns(0, 1000)
			f.returns(4*time.Second, dts)
			require.Empty(t, gapsOf(f), "no gap that would begin another file")
			require.Same(t, set, f.Set())
			video, sound := f.times(0), f.times(1)
			require.Len(t, video, 50)
			require.InDelta(t, 4*90000, video[25]-video[24], 1, "the gap on the time line")
			for i := range video { // A/V: both tracks had the same times
				require.InDelta(t, float64(video[i])/90000, float64(sound[i])/48000, 0.0001, "unit %d", i)
			}
			var gaps []Gap
			for _, c := range f.out {
				gaps = append(gaps, c.Gaps...)
			}
			require.Len(t, gaps, 2, "one for each track")
			for i, g := range gaps {
				require.Equal(t, GapSourceLost, g.Cause)
				require.Equal(t, i+1, g.Track)
				require.False(t, g.Next)
				require.InDelta(t, float64(4*time.Second-40*time.Millisecond), float64(g.DurationNS), 25e6)
				require.InDelta(t, float64(f.out[0].UTC)+1e9, float64(g.StartUTC), 25e6)
			}
		})
	}
}

func TestTheFirstPictureOfAPublisherThatReturnsIsAKeyFrame(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video(), audio())
	f.returns(0, 0)
	f.Rejoin()
	f.now += 3e9
	require.ErrorIs(t, f.Append(0, f.unit(500, false)), ErrNoKeyFrame)
	require.NoError(t, f.Append(1, f.unit(300, true)), "sound is kept")
	f.now += 40e6
	require.NoError(t, f.Append(0, f.unit(4100, true)))
	require.NoError(t, f.Append(0, f.unit(7700, false)))
	f.Flush()
	last := f.out[len(f.out)-1]
	require.True(t, last.StartsGOP)
	for _, g := range last.Gaps {
		require.Zero(t, g.AccessUnits, "what precedes the first key frame is no loss, as at the begin of a stream")
	}
}

func TestAClockThatContradictsTheArrivalDoesNotPlaceTheMedia(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video(), audio())
	f.returns(0, 0)
	f.Rejoin()
	f.now += 3e9
	au := f.unit(0, true)
	au.UTC += int64(time.Hour)
	require.NoError(t, f.Append(0, au))
	f.Flush()
	times := f.times(0)
	require.InDelta(t, 3*90000+3600, times[25]-times[24], 1)
}

func TestAPublisherThatReturnsAtOnceDoesNotGoBack(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video(), audio())
	f.returns(0, 0)
	f.now -= 200e6 // the clock of the sender says so
	f.Rejoin()
	require.NoError(t, f.Append(0, f.unit(0, true)))
	require.NoError(t, f.Append(1, f.unit(0, true)))
	require.NoError(t, f.Append(0, f.unit(3600, false)))
	f.Flush()
	for _, track := range []int{0, 1} {
		at := f.times(track)
		for i := range at[1:] {
			require.Greater(t, at[i+1], at[i])
		}
	}
}

func TestAPublisherThatReturnsBeforeAKeyFrameBeginsTheSet(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video(), audio())
	require.Error(t, f.Append(0, f.unit(0, false)))
	f.Rejoin()
	require.NoError(t, f.Append(0, f.unit(90, true)))
	f.Flush()
	require.Equal(t, []int64{90}, f.times(0))
	require.Empty(t, f.out[0].Gaps)
}
