package testpattern

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/require"
)

// power is the mean square of samples.
func power(pcm []float64) float64 {
	sum := 0.0
	for _, x := range pcm {
		sum += x * x
	}
	return sum / float64(len(pcm))
}

// tonePower returns the power of one frequency (Goertzel).
func tonePower(pcm []float64, hz float64) float64 {
	w := 2 * math.Pi * hz / samplesPerSecond
	var s1, s2 float64
	for _, x := range pcm {
		s1, s2 = x+2*math.Cos(w)*s1-s2, s1
	}
	n := float64(len(pcm))
	return 2 * (s1*s1 + s2*s2 - 2*math.Cos(w)*s1*s2) / (n * n)
}

func TestBeepsBeginWithTheFlashAndAreClean(t *testing.T) {
	for _, c := range []struct {
		fps      Rate
		tone     int
		channels int
		start    uint32
	}{
		{Rate{25, 1}, 1000, 2, 0},
		{Rate{25, 1}, 440, 1, 37},
		{Rate{30000, 1001}, 1000, 1, 0},
		{Rate{7, 3}, 8000, 2, 5},
	} {
		t.Run(fmt.Sprintf("%v fps %d Hz", c.fps, c.tone), func(t *testing.T) {
			o := Default()
			o.Width, o.Height, o.FPS, o.Tone, o.Channels, o.Start = 64, 64, c.fps, c.tone, c.channels, c.start
			o.Duration = 6_000_000_000
			d := take(t, o, 1<<30)
			pcm := decodeAudio(t, d.adts, c.channels)
			origin := d.audio[0].DTS
			firstSecond := d.video[0].DTS/90000 + 1
			for second := firstSecond; second < firstSecond+4; second++ {
				// The first frame of the second, by its own time.
				var frame int64 = -1
				for _, au := range d.video {
					if au.PTS >= second*90000 {
						frame = au.PTS
						break
					}
				}
				at := int(math.Round(float64(frame)*48000/90000)) - int(origin)
				whole := pcm[at+fadeSamples : at+beepSamples-fadeSamples]
				whole = whole[:len(whole)*c.tone/samplesPerSecond*samplesPerSecond/c.tone] // whole cycles
				require.InEpsilon(t, loudness*loudness/2, power(whole), 0.01)
				require.InEpsilon(t, power(whole), tonePower(whole, float64(c.tone)), 0.01, "nothing but the tone")
				require.Less(t, power(pcm[at-2000:at-1100]), 1.0, "silence before")
				require.Less(t, power(pcm[at+beepSamples+1100:at+beepSamples+3000]), 1.0, "silence after")
				begin := at - 1024
				for math.Abs(pcm[begin]) < loudness/10 {
					begin++
				}
				require.InDelta(t, at, begin, fadeSamples, "the beep begins with the frame")
			}
		})
	}
}
