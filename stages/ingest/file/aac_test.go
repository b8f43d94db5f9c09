package file

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
)

// The AudioSpecificConfig describes an entry: it signals AAC with spectral band replication, whatever the file's
// timescale.
func TestHowLongTheFramesOfAnEntryAre(t *testing.T) {
	low := []string{"-f", "lavfi", "-i", "sine=frequency=500:sample_rate=24000"}
	b := contents(t, encode(t, "a.mp4", low, pictures, short, h264, aac, []string{"-ac", "1"}))
	tag := []byte{5, 0x80, 0x80, 0x80, 5} // DecoderSpecificInfo of five bytes
	require.Equal(t, 1, bytes.Count(b, tag))
	for name, tc := range map[string]struct {
		asc                    string
		rate, channels, length int
	}{
		"ruled out":  {"\x13\x08\x56\xe5\x00", 24000, 1, 1024},
		"hierarchic": {"\x2b\x09\x88\x00\x00", 48000, 1, 1024},
		"stereo":     {"\xeb\x09\x88\x00\x00", 48000, 2, 1024},
		"behind":     {"\x13\x08\x56\xe5\x98", 48000, 1, 1024},
		"of 960":     {"\x13\x0c\x56\xe5\x98", 48000, 1, 960},
		"low delay":  {"\xbb\x09\x00\x00\x00", 24000, 1, 512},
	} {
		t.Run(name, func(t *testing.T) {
			made := mutate(b, string(tag)+string(b[bytes.Index(b, tag)+5:][:5]), string(tag)+tc.asc)
			r := open(t, write(t, made))
			sound := r.Tracks().Tracks[1]
			require.Equal(t, codec.AAC, sound.Codec)
			require.Equal(t, []int{tc.rate, tc.channels, tc.length}, []int{sound.SampleRate, sound.Channels, int(sound.FrameDurationTicks)})
			require.EqualValues(t, 24000, sound.Timescale)
			require.Equal(t, [][]byte{[]byte(tc.asc)}, sound.ParameterSets)
		})
	}
	other := mutate(b, string(tag)+string(b[bytes.Index(b, tag)+5:][:5]), string(tag)+"\xf8\x86\x20\x00\x00") // lossless (ALS)
	r := open(t, write(t, other))
	require.Len(t, r.Tracks().Tracks, 1, "another codec is left out, and the pictures are read")
}
