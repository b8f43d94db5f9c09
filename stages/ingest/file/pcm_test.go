package file

import (
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/isobmfftest"
	"github.com/gospool/spool/pipeline/media"
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

// muLawMovie returns the beginning of a fragmented file with one track, mu-law at 8000 Hz, mono.
func muLawMovie() []byte {
	entry := isobmfftest.Box("ulaw", isobmfftest.U32(0, 1, 0, 0, 1<<16|16, 0, 8000<<16))
	stbl := isobmfftest.Box("stbl", isobmfftest.Box("stsd", isobmfftest.U32(0, 1), entry))
	mdia := isobmfftest.Box("mdia", isobmfftest.Box("mdhd", isobmfftest.U32(0, 0, 0, 8000, 0, 0)), isobmfftest.Box("minf", stbl))
	return movieOf(isobmfftest.Box("trak", isobmfftest.Box("tkhd", isobmfftest.U32(0, 0, 0, 1)), mdia), mvex)
}

// fragmentOf returns a fragment of samples, each with a tick for a byte. The payload of the trun follows its flags: the
// number of samples, the data offset, and fields of the samples.
func fragmentOf(sampleBytes uint32, flags uint32, fields []uint32, samples int, sound []byte) []byte {
	const own = 0x08 | 0x10 // the tfhd has a default duration and a default size (ISO/IEC 14496-12, 8.8.7)
	of := func(offset uint32) []byte {
		trun := isobmfftest.Box("trun", isobmfftest.U32(isobmff.TrunDataOffset|flags, uint32(samples), offset), isobmfftest.U32(fields...))
		tfhd := isobmfftest.Box("tfhd", isobmfftest.U32(isobmff.TfhdBaseIsMoof|own, 1, sampleBytes, sampleBytes))
		return isobmfftest.Box("moof", isobmfftest.Box("traf", tfhd, trun))
	}
	return append(of(uint32(len(of(0))+8)), isobmfftest.Box("mdat", sound)...)
}

// Fragments in which each frame of uncompressed sound is a sample are read byte for byte, in access units that hold many
// frames, as ordinary files are. Samples of many frames stay as they are.
func TestFramesOfFragmentsAreJoined(t *testing.T) {
	sound := make([]byte, 1000)
	for i := range sound {
		sound[i] = byte(i * 7)
	}
	ones := func(n int) []uint32 { return slices.Repeat([]uint32{1}, n) }
	differ := slices.Concat(ones(400), []uint32{2, 2}, ones(596))
	for name, c := range map[string]struct {
		fragment []byte
		units    []uint32 // bytes of the access units
	}{
		"frames of the default size":   {fragmentOf(1, 0, nil, 1000, sound), []uint32{320, 320, 320, 40}},
		"frames with a size each":      {fragmentOf(1, isobmff.TrunSize, ones(1000), 1000, sound), []uint32{320, 320, 320, 40}},
		"the first has flags":          {fragmentOf(1, isobmff.TrunFirstFlags, []uint32{0}, 1000, sound), []uint32{320, 320, 320, 40}},
		"the first is no sync sample":  {fragmentOf(1, isobmff.TrunFirstFlags, []uint32{isobmff.SampleIsNonSync}, 1000, sound), []uint32{1, 320, 320, 320, 39}},
		"two are of two frames":        {fragmentOf(1, isobmff.TrunSize, differ, 998, sound), []uint32{320, 80, 2, 2, 320, 276}},
		"samples of many frames":       {fragmentOf(250, 0, nil, 4, sound), []uint32{250, 250, 250, 250}},
		"composition offsets are kept": {fragmentOf(1, isobmff.TrunComposition, []uint32{5, 5}, 2, sound[:2]), []uint32{1, 1}},
	} {
		t.Run(name, func(t *testing.T) {
			r := open(t, write(t, slices.Concat(muLawMovie(), c.fragment, c.fragment)))
			var got []byte
			var units []uint32
			for {
				chunk, err := r.Next()
				if errors.Is(err, io.EOF) {
					break
				}
				require.NoError(t, err)
				col := &chunk.Tracks[0]
				if name != "two are of two frames" { // whose samples all have the default duration
					for i := range col.Len() {
						require.EqualValues(t, col.SizeBytes[i], col.DurationTicks(i))
					}
				}
				got, units = col.Payload.Append(got), append(units, col.SizeBytes...)
				chunk.Release()
			}
			require.Equal(t, slices.Repeat(c.units, 2), units)
			want := sound[:len(got)/2]
			require.Equal(t, slices.Concat(want, want), got)
			require.NoError(t, r.Again())
		})
	}
}

// A run of a few bytes may claim any number of frames. The work for it is limited by the size of the file.
func TestARunCannotClaimMoreFramesThanTheFileHas(t *testing.T) {
	for _, n := range []int{1 << 20, 1<<31 - 1} {
		_, err := Open(write(t, append(muLawMovie(), fragmentOf(1, 0, nil, n, make([]byte, 1000))...)), media.NewPool(0), time.Second, time.Unix(1, 0), quiet)
		require.ErrorContains(t, err, "too many for a file of")
	}
}
