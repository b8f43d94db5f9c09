package codec

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// usac returns the fields of an AudioSpecificConfig of USAC: the audio object type 42 as 31 and 10, the sample rate and the
// channels of table 1.17 and 1.18 of ISO/IEC 14496-3, which a reader ignores, and the beginning of a UsacConfig.
func usac(rate fields, length uint32, channels fields, more ...[2]uint32) fields {
	return concat(fields{{5, 31}, {6, 10}, {4, hz48000}, {4, 1}}, rate, fields{{3, length}}, channels, more)
}

// The elements of a UsacDecoderConfig (ISO/IEC 23003-3, 5.2). No encoder was at hand: the bits follow the syntax.
var (
	// One element (number less 1), a single channel (type 0), without time warping and noise filling; no extension.
	usacMono = fields{{4, 0}, {2, 0}, {1, 0}, {1, 0}, {1, 0}}
	// One element, a channel pair (type 1) with noise filling; SbrConfig: three tools off, a default header of a start and
	// a stop frequency without more; stereoConfigIndex 0; no extension.
	usacPair = fields{{4, 0}, {2, 1}, {1, 0}, {1, 1}, {3, 0}, {4, 5}, {4, 9}, {1, 0}, {1, 0}, {2, 0}, {1, 0}}
)

func TestUSACConfigurations(t *testing.T) {
	for name, tc := range map[string]struct {
		asc   fields
		want  AudioSpecificConfig
		ticks uint32 // of a frame, at 48000 a second
	}{
		"1024":                     {usac(fields{{5, 3}}, 1, fields{{5, 1}}, usacMono...), AudioSpecificConfig{48000, 48000, 1, 1024}, 1024},
		"768":                      {usac(fields{{5, 6}}, 0, fields{{5, 1}}, usacMono...), AudioSpecificConfig{24000, 24000, 1, 768}, 1536},
		"SBR, 8:3":                 {usac(fields{{5, 3}}, 2, fields{{5, 2}}, usacPair...), AudioSpecificConfig{48000, 48000, 2, 2048}, 2048},
		"SBR, 2:1":                 {usac(fields{{5, 3}}, 3, fields{{5, 2}}, usacPair...), AudioSpecificConfig{48000, 48000, 2, 2048}, 2048},
		"SBR, 4:1":                 {usac(fields{{5, 5}}, 4, fields{{5, 2}}, usacPair...), AudioSpecificConfig{32000, 32000, 2, 4096}, 6144},
		"a rate that AAC lacks":    {usac(fields{{5, 18}}, 1, fields{{5, 1}}, usacMono...), AudioSpecificConfig{38400, 38400, 1, 1024}, 1280},
		"a rate in full":           {usac(fields{{5, 31}, {24, 44000}}, 1, fields{{5, 1}}, usacMono...), AudioSpecificConfig{44000, 44000, 1, 1024}, 0},
		"5.1":                      {usac(fields{{5, 3}}, 1, fields{{5, 6}}, usacMono...), AudioSpecificConfig{48000, 48000, 6, 1024}, 1024},
		"two languages":            {usac(fields{{5, 3}}, 1, fields{{5, 8}}, usacMono...), AudioSpecificConfig{48000, 48000, 2, 1024}, 1024},
		"listed channels":          {usac(fields{{5, 3}}, 1, fields{{5, 0}, {5, 3}, {5, 0}, {5, 1}, {5, 2}}, usacMono...), AudioSpecificConfig{48000, 48000, 3, 1024}, 1024},
		"many listed channels":     {usac(fields{{5, 3}}, 1, concat(fields{{5, 0}, {5, 31}, {8, 2}}, listed(33)), usacMono...), AudioSpecificConfig{48000, 48000, 33, 1024}, 1024},
		"many elements in a frame": {usac(fields{{5, 3}}, 1, fields{{5, 13}}, fields{{4, 15}, {8, 255}, {16, 1}}...), AudioSpecificConfig{48000, 48000, 24, 1024}, 1024},
	} {
		t.Run(name, func(t *testing.T) {
			track, err := Describe(USAC, 48000, [][]byte{pack(tc.asc...)})
			require.NoError(t, err)
			require.NoError(t, track.Validate())
			got, err := ReadUSACConfig(track.ParameterSets[0])
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
			require.Equal(t, []int{tc.want.Rate, tc.want.Channels, int(tc.ticks)}, []int{track.SampleRate, track.Channels, int(track.FrameDurationTicks)})
		})
	}
}

// listed returns the positions of n channels.
func listed(n int) (positions fields) {
	for range n {
		positions = append(positions, [2]uint32{5, 0})
	}
	return positions
}

func TestUSACThatCannotBeRead(t *testing.T) {
	for want, asc := range map[string]fields{
		"cut off":                                 usac(fields{{5, 3}}, 1, nil),
		"no sample rate":                          usac(fields{{5, 13}}, 1, fields{{5, 1}}, usacMono...),
		"a frame length that is reserved":         usac(fields{{5, 3}}, 5, fields{{5, 1}}, usacMono...),
		"0 channels in channel configuration 14":  usac(fields{{5, 3}}, 1, fields{{5, 14}}, usacMono...),
		"286 channels in channel configuration 0": usac(fields{{5, 3}}, 1, concat(fields{{5, 0}, {5, 31}, {8, 255}, {16, 0}}, listed(64)), usacMono...),
		"audio object type 2: not xHE-AAC":        concat(head(2, hz48000, 2), plain),
		"AudioSpecificConfig : audio ob":          nil,
	} {
		_, err := Describe(USAC, 48000, [][]byte{pack(asc...)})
		require.ErrorContains(t, err, want)
	}
	_, err := Describe(USAC, 48000, nil)
	require.ErrorContains(t, err, "no AudioSpecificConfig")
}

// A decoder can start at a frame whose first bit, usacIndependencyFlag, is set.
func TestAFrameOfUSACIsIndependent(t *testing.T) {
	sync := Of(USAC).Sync
	require.True(t, sync([]byte{0x80}) && sync([]byte{0xff, 0}))
	require.False(t, sync([]byte{0x7f}) || sync(nil))
	require.False(t, USAC.AlwaysSync())
	require.Zero(t, Of(USAC).RollDistance)
}

// AAC and xHE-AAC have the same type of sample entry, and the same MPEG-4 object type.
func TestUSACAndAACShareASampleEntry(t *testing.T) {
	for asc, want := range map[string]media.Codec{"\x11\x90": AAC, string(pack(usac(fields{{5, 3}}, 3, fields{{5, 2}}, usacPair...)...)): USAC} {
		track, err := Describe(want, 48000, [][]byte{[]byte(asc)})
		require.NoError(t, err)
		require.Equal(t, track, readBack(t, track))
	}
	var w isobmff.Writer
	w.U64(1)
	at := w.OpenAudioEntry("mp4a", 2, 16, 48000)
	w.Esds(isobmff.AudioStream, isobmff.MPEG4Audio, pack(concat(head(8, hz48000, 2), plain)...)) // CELP
	w.Close(at)
	_, err := ReadSampleEntry(w.B, 48000)
	require.ErrorIs(t, err, ErrNotRecorded)
	require.ErrorContains(t, err, "audio object type 8")
}

// FuzzUSAC: no configuration breaks the reader, and an accepted one can be stored.
func FuzzUSAC(f *testing.F) {
	f.Add(pack(usac(fields{{5, 3}}, 1, fields{{5, 1}}, usacMono...)...), uint32(48000))
	f.Add(pack(usac(fields{{5, 31}, {24, 44000}}, 4, fields{{5, 2}}, usacPair...)...), uint32(90000))
	f.Add(pack(usac(fields{{5, 3}}, 1, concat(fields{{5, 0}, {5, 31}, {8, 2}}, listed(33)), usacMono...)...), uint32(1))
	f.Fuzz(func(t *testing.T, asc []byte, scale uint32) {
		if scale == 0 {
			return
		}
		track, err := Describe(USAC, scale, [][]byte{asc})
		if err != nil {
			return
		}
		require.NoError(t, track.Validate())
		require.Equal(t, track, readBack(t, track))
		require.LessOrEqual(t, track.Channels, maxUSACChannels)
	})
}
