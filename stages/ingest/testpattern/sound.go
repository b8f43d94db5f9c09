package testpattern

import (
	"math"

	"github.com/gospool/spool/stages/ingest/testpattern/aac"
)

// The shape of a beep. A beep begins with the first frame of every second.
const (
	samplesPerSecond = aac.SampleRate
	beepSamples      = samplesPerSecond / 10
	fadeSamples      = samplesPerSecond / 200 // length of the fade at either end, which prevents clicks
	loudness         = 8192                   // amplitude, of 32768
)

// sound makes the AAC frames of the stream.
type sound struct {
	fps     Rate
	tone    int // Hz
	enc     *aac.Encoder
	pcm     [aac.Window]float64
	silence []byte               // frame without a beep
	fade    [fadeSamples]float64 // factors of the fade at the begin of a beep
}

func newSound(o Options) (*sound, error) {
	enc, err := aac.NewEncoder(o.Channels)
	if err != nil {
		return nil, err
	}
	s := &sound{fps: o.FPS, tone: o.Tone, enc: enc}
	s.silence = append(s.silence, enc.Silence()...)
	for i := range s.fade {
		s.fade[i] = (1 - math.Cos(math.Pi*(float64(i)+0.5)/fadeSamples)) / 2
	}
	return s, nil
}

// frame returns the AAC frame whose first sample is number n. The frame is valid until the next call.
func (s *sound) frame(n int64) []byte {
	beeps := false
	// A beep begins with a video frame, which may come up to a second after the whole second.
	for second := n/samplesPerSecond - 2; second <= n/samplesPerSecond+1; second++ {
		start := s.fps.ticks(s.fps.firstOf(max(second, 0)), samplesPerSecond)
		from, to := max(start-n, 0), min(start+beepSamples-n, aac.Window)
		if from >= to || second < 0 {
			continue
		}
		if !beeps {
			clear(s.pcm[:])
		}
		beeps = true
		for i := from; i < to; i++ {
			s.pcm[i] = s.sample(n + i - start)
		}
	}
	if !beeps {
		return s.silence
	}
	return s.enc.Encode(&s.pcm)
}

// sample returns sample i of a beep. It leaves out whole cycles by integer arithmetic, so that the phase is as exact at
// the end of the beep as at the beginning.
func (s *sound) sample(i int64) float64 {
	cycle := i * int64(s.tone) % samplesPerSecond
	v := loudness * math.Sin(2*math.Pi*float64(cycle)/samplesPerSecond)
	if edge := min(i, beepSamples-1-i); edge < fadeSamples {
		v *= s.fade[edge]
	}
	return v
}
