package g722

import (
	"bytes"
	"math/rand/v2"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// ffmpeg returns the output of ffmpeg for an input.
func ffmpeg(t *testing.T, in []byte, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("ffmpeg", append([]string{"-nostdin", "-v", "error"}, args...)...)
	cmd.Stdin = bytes.NewReader(in)
	out, err := cmd.Output()
	require.NoError(t, err)
	return out
}

// streams returns sound that ffmpeg coded, and noise that no encoder makes: the second drives each value to its bounds.
func streams(t *testing.T) map[string][]byte {
	noise, rnd := make([]byte, 50_000), rand.New(rand.NewPCG(1, 2))
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	source := []string{"-f", "lavfi", "-i", "anoisesrc=sample_rate=16000:duration=1:seed=3,volume=2[a];sine=frequency=440:sample_rate=16000:duration=1[b];anullsrc=r=16000:cl=mono:d=1[c];[a][b][c]concat=n=3:v=0:a=1"}
	return map[string][]byte{
		"coded": ffmpeg(t, nil, append(source, "-c:a", "g722", "-f", "g722", "-")...),
		"noise": noise,
		"same":  bytes.Repeat([]byte{0x84}, 20_000),
	}
}

func TestSamplesAreThoseOfFfmpeg(t *testing.T) {
	for name, coded := range streams(t) {
		want := ffmpeg(t, coded, "-f", "g722", "-i", "-", "-f", "s16le", "-")
		d := NewDecoder()
		for again := range 2 {
			var got []byte
			for rest := coded; len(rest) > 0; {
				n := min(len(rest), 161)
				got, rest = d.Append(got, rest[:n]), rest[n:]
			}
			require.Len(t, got, 2*d.Samples(len(coded)))
			require.True(t, bytes.Equal(want, got), "%s, pass %d", name, again)
			d.Reset()
		}
	}
}

func TestDecodingDoesNotAllocate(t *testing.T) {
	d, coded, pcm := NewDecoder(), make([]byte, 160), make([]byte, 0, 640)
	require.Zero(t, testing.AllocsPerRun(10, func() { d.Append(pcm, coded) }))
}

// FuzzDecoder checks that each stream decodes, whatever its bytes are.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte{0, 0x84, 0xff, 0x3f})
	f.Fuzz(func(t *testing.T, coded []byte) {
		d := NewDecoder()
		require.Len(t, d.Append(nil, coded), 2*d.Samples(len(coded)))
	})
}
