package testpattern

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

func TestEveryDecodedFrameShowsItsNumber(t *testing.T) {
	for _, c := range []struct {
		width, height, frames int
		start                 uint32
		gop                   int
	}{
		{32, 32, 60, 0, 50},
		{64, 48, 60, 12, 1},
		{96, 96, 60, 999_990, 2},
		{160, 120, 60, 0, 25},
		{360, 640, 60, 1_000, 50},
		{640, 360, 130, 0, 50},
		{642, 362, 60, 4_000_000_000, 100},
		{1280, 720, 13, 77, 50},
		{1920, 1080, 13, 1 << 31, 12},
	} {
		t.Run(fmt.Sprintf("%dx%d", c.width, c.height), func(t *testing.T) {
			o := Default()
			o.Width, o.Height, o.Start, o.GOP = c.width, c.height, c.start, c.gop
			d := take(t, o, c.frames)
			frames := decodeVideo(t, d.annexB, c.width, c.height)
			require.Len(t, frames, c.frames)
			for i, luma := range frames {
				n, ok := ReadFrameNumber(luma, c.width, c.width, c.height)
				require.True(t, ok, "frame %d cannot be read", i)
				require.Equal(t, c.start+uint32(i), n)
			}
		})
	}
}

func TestSmallestPictureMovesEveryFrame(t *testing.T) {
	o := Default()
	o.Width, o.Height = 16, 16
	frames := decodeVideo(t, take(t, o, 60).annexB, 16, 16)
	require.Len(t, frames, 60)
	for i := 1; i < len(frames); i++ {
		require.NotEqual(t, frames[i-1], frames[i], "frames %d and %d", i-1, i)
		_, ok := ReadFrameNumber(frames[i], 16, 16, 16)
		require.False(t, ok, "there is no room for the strip")
	}
}

func TestEveryEvenSizeCanBeDrawn(t *testing.T) {
	for height := minSide; height <= 200; height += 14 {
		for width := minSide; width <= 400; width += 22 {
			o := Default()
			o.Width, o.Height, o.Channels = width, height, 0
			g, err := New(o)
			require.NoError(t, err)
			for n := range int64(10) {
				g.scene.draw(9*n, n) // out of the picture would be out of range
			}
		}
	}
}

func TestTimesAreExactForEveryRate(t *testing.T) {
	for _, fps := range []Rate{{25, 1}, {30000, 1001}, {24000, 1001}, {1, 1}, {120, 1}, {7, 3}} {
		t.Run(fps.String(), func(t *testing.T) {
			o := Default()
			o.Width, o.Height, o.FPS, o.GOP, o.Start, o.UTC = 64, 64, fps, 7, 100_000, 1_000
			d := take(t, o, 40)
			for i, au := range d.video {
				n := int64(o.Start) + int64(i)
				require.InDelta(t, float64(n)*90000*float64(fps.Den)/float64(fps.Num), au.DTS, 0.501)
				require.Equal(t, au.DTS, au.PTS)
				require.Equal(t, i%o.GOP == 0, au.Sync)
				require.Equal(t, au.UTC-1_000, au.MonoNS)
				require.InDelta(t, au.DTS-d.video[0].DTS, float64(au.UTC-1_000)*9e-5, 1)
			}
			for i, au := range d.audio {
				require.Equal(t, d.audio[0].DTS+int64(i)*1024, au.DTS)
				require.True(t, au.Sync)
			}
			first := float64(d.audio[0].DTS) / 48000
			require.GreaterOrEqual(t, first, float64(d.video[0].DTS)/90000-1e-5)
			require.Less(t, first, float64(d.video[0].DTS)/90000+1024.0/48000+1e-5)
		})
	}
}

func TestTracksComeInTheOrderOfTime(t *testing.T) {
	o := Default()
	o.FPS = Rate{30000, 1001}
	g, err := New(o)
	require.NoError(t, err)
	last := 0.0
	for range 1000 {
		track, au := g.Next()
		at := float64(au.DTS) / float64(g.Tracks()[track].Timescale)
		require.GreaterOrEqual(t, at, last-1e-5)
		last = at
	}
}

func TestAFiniteStreamEndsWithBothTracks(t *testing.T) {
	for _, c := range []struct {
		fps      Rate
		duration time.Duration
		frames   int
	}{
		{Rate{25, 1}, time.Second, 25},
		{Rate{25, 1}, 1001 * time.Millisecond, 26},
		{Rate{30000, 1001}, 10 * time.Second, 300},
		{Rate{25, 1}, time.Nanosecond, 1},
	} {
		o := Default()
		o.FPS, o.Duration = c.fps, c.duration
		d := take(t, o, 1<<30)
		require.Len(t, d.video, c.frames)
		end := float64(c.frames) * float64(c.fps.Den) / float64(c.fps.Num)
		audioEnd := float64(d.audio[len(d.audio)-1].DTS+1024) / 48000
		require.GreaterOrEqual(t, audioEnd, end-1e-9)
		require.Less(t, audioEnd, end+1024.0/48000)
	}
}

func TestBitrateIsKeptFrameByFrame(t *testing.T) {
	for _, bitrate := range []int{500_000, 2_000_000, 8_000_000} {
		o := Default()
		o.Bitrate = bitrate
		d := take(t, o, 100)
		total := 0
		for i, n := range d.sizes {
			total += n
			due := bitrate * (i + 1) / 8 / 25
			late := 0.0
			if i%o.GOP < 10 { // later frames have compensated for a large IDR picture by then
				late = float64(d.sizes[0])
			}
			require.InDelta(t, due, total, late+float64(bitrate/8/25/200)+40, "frame %d", i)
		}
		require.InEpsilon(t, bitrate*4/8, total, 0.01)
		require.Len(t, decodeVideo(t, d.annexB, 640, 360), 100)
	}
}

func TestTheStreamIsTheSameEverywhere(t *testing.T) {
	o := Default()
	o.UTC = 1_767_225_600_000_000_000
	d := take(t, o, 100)
	again := take(t, o, 100)
	require.Equal(t, d, again)
	sum := sha256.Sum256(d.annexB)
	require.Equal(t, goldenVideo, hex.EncodeToString(sum[:8]), "the picture changed: if it was meant to, look at it and store this")
}

func TestTracksAreComplete(t *testing.T) {
	for _, channels := range []int{0, 1, 2} {
		o := Default()
		o.Channels = channels
		g, err := New(o)
		require.NoError(t, err)
		set, err := media.NewTrackSet(1, g.Tracks())
		require.NoError(t, err)
		require.Len(t, set.Tracks, 1+min(channels, 1))
		require.Equal(t, VideoTrack, set.Lead())
	}
}

func TestImpossibleOptionsAreRefused(t *testing.T) {
	_, err := New(Options{})
	require.ErrorContains(t, err, "width is 0; it is from 16 to 4096")
	o := Default()
	o.Width, o.Height, o.FPS = 4096, 2304, Rate{120, 1}
	_, err = New(o)
	require.ErrorContains(t, err, "beyond H.264 level 5.2")
}

func TestTheSteadyStateDoesNotAllocate(t *testing.T) {
	o := Default()
	o.Bitrate = 2_000_000
	g, err := New(o)
	require.NoError(t, err)
	for range 500 {
		g.Next()
	}
	require.Zero(t, testing.AllocsPerRun(500, func() { g.Next() }))
}

// One operation is one second of stream.
func BenchmarkSecond(b *testing.B) {
	for _, c := range []struct {
		width, height, bitrate int
	}{{640, 360, 0}, {640, 360, 8_000_000}, {1920, 1080, 0}} {
		b.Run(fmt.Sprintf("%dx%d/%d", c.width, c.height, c.bitrate), func(b *testing.B) {
			o := Default()
			o.Width, o.Height, o.Bitrate = c.width, c.height, c.bitrate
			g, err := New(o)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			frames, n := 0, 0
			for b.Loop() {
				for n += 25; frames < n; {
					if track, _ := g.Next(); track == VideoTrack {
						frames++
					}
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(frames), "ns/frame")
		})
	}
}
