package file

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"testing"

	"github.com/stretchr/testify/require"
)

// Uncompressed sound of QuickTime files, of which each frame is a sample of the file, is read byte for byte, in access
// units that hold many frames.
func TestUncompressedSoundOfQuickTimeIsRead(t *testing.T) {
	for _, c := range []struct {
		encoder, raw, codec string
		rate, channels      int
	}{
		{"pcm_s16le", "s16le", "lpcm", 44100, 2}, {"pcm_s16be", "s16be", "lpcm", 48000, 1}, {"pcm_s24le", "s24le", "lpcm", 48000, 2},
		{"pcm_s24be", "s24be", "lpcm", 48000, 6}, {"pcm_s32le", "s32le", "lpcm", 8000, 1}, {"pcm_s32be", "s32be", "lpcm", 44100, 2},
		{"pcm_s16le", "s16le", "lpcm", 96000, 2}, {"pcm_s24be", "s24be", "lpcm", 96000, 2},
		{"pcm_mulaw", "mulaw", "mulaw", 8000, 1}, {"pcm_alaw", "alaw", "alaw", 16000, 2},
	} {
		t.Run(fmt.Sprintf("%s at %d Hz, %d channels", c.encoder, c.rate, c.channels), func(t *testing.T) {
			noise := []string{"-f", "lavfi", "-i", fmt.Sprintf("anoisesrc=sample_rate=%d:seed=7", c.rate)}
			path := encode(t, "sound.mov", noise, short, []string{"-c:a", c.encoder, "-ac", fmt.Sprint(c.channels)})
			want, err := exec.Command("ffmpeg", "-v", "error", "-i", path, "-c", "copy", "-f", c.raw, "-").Output()
			require.NoError(t, err)
			r := open(t, path)
			track := r.Tracks().Tracks[0]
			require.Equal(t, []any{c.codec, c.rate, c.channels}, []any{track.Codec.String(), track.SampleRate, track.Channels})
			for range 2 {
				var got []byte
				units, ticks := 0, int64(0)
				for {
					chunk, err := r.Next()
					if errors.Is(err, io.EOF) {
						break
					}
					require.NoError(t, err)
					col := &chunk.Tracks[0]
					got, units = col.Payload.Append(got), units+len(col.DTS)
					for i := range col.DTS {
						ticks += col.DurationTicks(i)
					}
					chunk.Release()
				}
				require.True(t, string(want) == string(got), "%d bytes, want %d", len(got), len(want))
				require.EqualValues(t, c.rate*33/10, ticks, "ticks")
				require.Less(t, units, 700, "access units of 3.3 s")
				require.NoError(t, r.Again())
			}
		})
	}
}

// Sound in other forms is left out, and the pictures are read.
func TestUncompressedSoundThatCannotBeRecorded(t *testing.T) {
	for _, encoder := range []string{"pcm_f32le", "pcm_f64be", "pcm_u8", "pcm_s8"} {
		r := open(t, encode(t, "sound.mov", pictures, sounds, short, h264, []string{"-c:a", encoder}))
		require.Len(t, r.Tracks().Tracks, 1, encoder)
	}
}
