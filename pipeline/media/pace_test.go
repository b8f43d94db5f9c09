package media

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// at sends a key frame at each of the times, which are its arrival times, too, with a clock of the given speed.
func (f *feed) at(rate float64, times ...time.Duration) {
	for _, d := range times {
		f.now = int64(d)
		f.add(0, FromNanos(int64(float64(d)*rate), 90000), true)
	}
}

func every(d time.Duration, from time.Duration, n int) (out []time.Duration) {
	for i := range n {
		out = append(out, from+time.Duration(i)*d)
	}
	return out
}

const sec = time.Second

func TestRarePicturesAreNoStall(t *testing.T) {
	for name, d := range map[string]time.Duration{"each 12 s": 12 * sec, "each 30 s": 30 * sec, "each 10 min": 600 * sec} {
		for _, rate := range []float64{1, 1.1, 0.9, 2, 0.5} {
			f := newFeed(t, BuilderConfig{}, video())
			f.at(rate, every(d, 0, 20)...)
			f.Flush()
			require.Empty(t, gapsOf(f), "%s at rate %v", name, rate)
			require.Len(t, f.out, 20, name)
			for i, c := range f.out[:19] {
				require.Equal(t, FromNanos(int64(float64(d)*rate), 90000), c.Tracks[0].DurationTicks(0), "%s: picture %d", name, i)
			}
		}
	}
}

// A doorbell that sleeps sends pictures at irregular intervals.
func TestIrregularRarePicturesAreNoStall(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video())
	f.at(1, 0, 15*sec, 75*sec, 85*sec, 145*sec, 157*sec, 197*sec, 260*sec, 272*sec)
	require.Empty(t, gapsOf(f))
}

// An encoder drops pictures while the scene is still: the first time that they become rare counts as a stall, and no
// later time on the same day does.
func TestPicturesThatBecomeRareAreAStallOnce(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video())
	from := time.Duration(0)
	for range 5 {
		f.at(1, every(40*time.Millisecond, from, 250)...)
		f.at(1, every(30*sec, from+40*sec, 10)...)
		from += 340 * sec
	}
	gaps := gapsOf(f)
	require.Len(t, gaps, 1)
	require.Equal(t, GapStall, gaps[0].Cause)
}

// After pictures every 40 ms each long silence is a gap, however many there were.
func TestEachStallIsAGap(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video())
	from := time.Duration(0)
	for range 6 {
		f.at(1, every(40*time.Millisecond, from, 50)...)
		from += 14 * sec
	}
	require.Len(t, gapsOf(f), 5)
}

func TestAStallOfRarePicturesIsAGap(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video())
	f.at(1, every(12*sec, 0, 10)...)
	f.at(1, every(12*sec, 300*sec, 10)...)
	gaps := gapsOf(f)
	require.Equal(t, []Gap{{Cause: GapStall, DurationNS: int64(192 * sec)}}, gaps)
}

func TestTheUsualPaceExpiresAfterADay(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video())
	f.at(1, every(30*sec, 0, 20)...)
	f.at(1, every(5*sec, 600*sec, 25*720)...)
	require.Empty(t, gapsOf(f))
	f.at(1, every(5*sec, 600*sec+25*time.Hour+40*sec, 3)...)
	require.Len(t, gapsOf(f), 1)
}

// While no picture arrives sound still does: its chunks are handed out, and no sound is lost.
func TestSoundGoesOnBetweenRarePictures(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video(), audio())
	const frame = 1024 * sec / 48000
	n := 0
	for at := time.Duration(0); at < 300*sec; at += 60 * sec {
		f.at(1, at)
		for now := at; now < at+60*sec-frame; now += frame {
			f.now = int64(now)
			f.add(1, FromNanos(int64(now), 48000), true)
			n++
		}
		require.Greater(t, len(f.out), int(at/(2*sec))+20, "chunks are handed out")
	}
	require.Empty(t, gapsOf(f))
	require.Len(t, f.times(1), n)
	require.Len(t, f.times(0), 5)
}

// For any intervals each unit is kept, at its time.
func TestPaceNeverCostsAUnit(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		f := newFeed(t, BuilderConfig{}, video())
		times, at := []time.Duration{0}, time.Duration(0)
		for range rapid.IntRange(1, 60).Draw(rt, "pictures") {
			at += rapid.SampledFrom([]time.Duration{40 * time.Millisecond, sec, 9 * sec, 11 * sec, 30 * sec, 3600 * sec}).Draw(rt, "interval")
			times = append(times, at)
		}
		f.at(1, times...)
		out := f.times(0)
		require.Len(rt, out, len(times))
		for i, d := range times {
			require.Equal(rt, FromNanos(int64(d), 90000), out[i])
		}
	})
}
