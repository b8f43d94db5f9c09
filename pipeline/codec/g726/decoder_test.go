package g726

import (
	"bytes"
	"fmt"
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

// muxers holds the names of the two orders of codes.
var muxers = map[bool]string{false: "g726", true: "g726le"}

// coded returns sound that ffmpeg coded: noise, a tone and silence.
func coded(t *testing.T, codeBits int, lowFirst bool) []byte {
	all := ffmpeg(t, nil, "-f", "lavfi", "-i", "anoisesrc=sample_rate=8000:duration=1:seed=3:amplitude=0.5[a];"+
		"sine=frequency=440:sample_rate=8000:duration=1[b];anullsrc=r=8000:cl=mono:d=1[c];[a][b][c]concat=n=3:v=0:a=1",
		"-c:a", muxers[lowFirst], "-code_size", fmt.Sprint(codeBits), "-f", muxers[lowFirst], "-")
	return all[:len(all)/codeBits*codeBits]
}

// ffmpeg 5.1 codes 40 kbit/s with the leak of the other rates, and not with that of G.726. A decoder with the same leak
// shows that all else is equal.
func TestSamplesAreThoseOfFfmpeg(t *testing.T) {
	for codeBits := 2; codeBits <= 5; codeBits++ {
		for _, lowFirst := range []bool{false, true} {
			coded := coded(t, codeBits, lowFirst)
			want := ffmpeg(t, coded, "-f", muxers[lowFirst], "-code_size", fmt.Sprint(codeBits), "-i", "-", "-f", "s16le", "-")
			d := NewDecoder(codeBits, lowFirst)
			form := *d.form
			form.leak, d.form = 8, &form
			for pass := range 2 {
				var got []byte
				for rest := coded; len(rest) > 0; {
					n := min(len(rest), 32*codeBits)
					got, rest = d.Append(got, rest[:n]), rest[n:]
				}
				require.Len(t, got, 2*d.Samples(len(coded)))
				require.True(t, bytes.Equal(want, got), "%d bits, low first: %v, pass %d", codeBits, lowFirst, pass)
				d.Reset()
			}
		}
	}
	require.EqualValues(t, 9, NewDecoder(5, true).form.leak)
}

// A sample beyond 16 bits is the greatest or the least one.
func TestALoudSampleIsLimited(t *testing.T) {
	d, loudest := NewDecoder(4, true), int32(0)
	for range 20 {
		loudest = max(loudest, d.next(7))
	}
	require.EqualValues(t, 1<<15-1, loudest)
}

func TestDecodingDoesNotAllocate(t *testing.T) {
	d, coded, pcm := NewDecoder(4, true), make([]byte, 80), make([]byte, 0, 320)
	require.Zero(t, testing.AllocsPerRun(10, func() { d.Append(pcm, coded) }))
}

// FuzzDecoder checks that each stream decodes, whatever its bytes are.
func FuzzDecoder(f *testing.F) {
	f.Add([]byte{0, 0x84, 0xff, 0x3f}, byte(0))
	f.Fuzz(func(t *testing.T, coded []byte, form byte) {
		d := NewDecoder(2+int(form&3), form&4 != 0)
		require.Len(t, d.Append(nil, coded), 2*d.Samples(len(coded)))
	})
}
