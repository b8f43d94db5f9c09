package aac

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTransformIsTheStandardsSum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var pcm [window]float64
	for i := range pcm {
		pcm[i] = r.Float64()*65536 - 32768
	}
	var got [lines]float64
	tr := newTransform()
	tr.mdct(&pcm, &got)
	for _, k := range []int{0, 1, 2, 511, 512, 513, 1000, 1022, 1023} {
		want := 0.0
		for n, x := range pcm {
			w := math.Sin(math.Pi / window * (float64(n) + 0.5))
			want += 2 * x * w * math.Cos(2*math.Pi/window*(float64(n)+512.5)*(float64(k)+0.5))
		}
		require.InDelta(t, want, got[k], 1e-3, "line %d", k)
	}
}

func TestBookIsACompletePrefixCode(t *testing.T) {
	left := 1.0
	for i, a := range book11 {
		na := a >> 12
		left -= math.Exp2(-float64(na))
		for j, b := range book11 {
			if nb := b >> 12; i != j && nb >= na {
				require.NotEqual(t, a&0xfff, b&0xfff>>(nb-na), "word %d begins word %d", i, j)
			}
		}
	}
	require.Zero(t, left)
}

// adts puts the 7-byte header of 1.A.2.2 before a frame.
func adts(dst []byte, channels int, frame []byte) []byte {
	n := len(frame) + 7
	dst = append(dst, 0xff, 0xf1, 1<<6|3<<2, byte(channels)<<6|byte(n>>11), byte(n>>3), byte(n)<<5|0x1f, 0xfc)
	return append(dst, frame...)
}

// decode runs ADTS through ffmpeg; any error or warning fails the test.
func decode(t *testing.T, stream []byte) []float64 {
	t.Helper()
	var out, log bytes.Buffer
	cmd := exec.Command("ffmpeg", "-v", "warning", "-xerror", "-err_detect", "explode", "-f", "aac", "-i", "-", "-f", "f32le", "-")
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stream), &out, &log
	require.NoError(t, cmd.Run(), log.String())
	require.Empty(t, log.String())
	pcm := make([]float64, out.Len()/4)
	for i := range pcm {
		pcm[i] = 32768 * float64(math.Float32frombits(binary.LittleEndian.Uint32(out.Bytes()[4*i:])))
	}
	return pcm
}

// encode makes frames of a signal, sample by sample number.
func encode(t *testing.T, channels, frames int, signal func(n int) float64) (stream []byte, longest int) {
	t.Helper()
	e, err := NewEncoder(channels)
	require.NoError(t, err)
	for f := range frames {
		var pcm [Window]float64
		for i := range pcm {
			pcm[i] = signal(f*FrameSamples + i)
		}
		frame := e.Encode(&pcm)
		longest = max(longest, len(frame))
		stream = adts(stream, channels, frame)
	}
	return stream, longest
}

// snr returns the power of the signal over that of the difference, in dB.
func snr(signal func(n int) float64, decoded []float64, channels, from, to int) float64 {
	var s, d float64
	for n := from; n < to; n++ {
		for c := range channels {
			x := signal(n)
			s += x * x
			d += (x - decoded[n*channels+c]) * (x - decoded[n*channels+c])
		}
	}
	return 10 * math.Log10(s/d)
}

func TestDecodedToneIsTheToneInItsPlace(t *testing.T) {
	for _, hz := range []float64{50, 440, 1000, 3777, 16000} {
		for channels := 1; channels <= 2; channels++ {
			tone := func(n int) float64 { return 8192 * math.Sin(2*math.Pi*hz*float64(n)/SampleRate) }
			stream, longest := encode(t, channels, 40, tone)
			require.LessOrEqual(t, longest, channels*6144/8, "the decoder's input buffer holds 6144 bits a channel")
			got := snr(tone, decode(t, stream), channels, 2*FrameSamples, 38*FrameSamples)
			t.Logf("%v Hz, %d channels: %.1f dB, %d bytes", hz, channels, got, longest)
			require.Greater(t, got, 65.0, "%v Hz, %d channels", hz, channels)
		}
	}
}

func TestLoudAndNoisySignalsStayWithinTheCode(t *testing.T) {
	square := func(n int) float64 { return float64(n/50%2*2-1) * 32767 }
	stream, _ := encode(t, 1, 20, square)
	require.Greater(t, snr(square, decode(t, stream), 1, 2*FrameSamples, 18*FrameSamples), 30.0)
}

func TestSilenceIsShortAndExact(t *testing.T) {
	for channels := 1; channels <= 2; channels++ {
		e, err := NewEncoder(channels)
		require.NoError(t, err)
		var stream []byte
		for range 4 {
			stream = adts(stream, channels, e.Silence())
		}
		require.Less(t, len(e.Silence()), 12)
		for _, x := range decode(t, stream) {
			require.Zero(t, x)
		}
	}
}

func TestChannelsAreOneOrTwo(t *testing.T) {
	_, err := NewEncoder(3)
	require.ErrorIs(t, err, ErrChannels)
}

func BenchmarkEncode(b *testing.B) {
	e, _ := NewEncoder(2)
	var pcm [Window]float64
	for i := range pcm {
		pcm[i] = 8192 * math.Sin(2*math.Pi*1000*float64(i)/SampleRate)
	}
	b.ReportAllocs()
	for b.Loop() {
		e.Encode(&pcm)
	}
}
