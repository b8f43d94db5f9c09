package codec

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// pack writes fields of a width and a value each.
func pack(fields ...[2]uint32) (out []byte) {
	n := 0
	for _, f := range fields {
		for i := int(f[0]) - 1; i >= 0; i-- {
			if n%8 == 0 {
				out = append(out, 0)
			}
			out[n/8] |= byte(f[1]>>i&1) << (7 - n%8)
			n++
		}
	}
	return out
}

// The fields of configurations, in the standard's order.
type fields = [][2]uint32

func concat(lists ...fields) (all fields) {
	for _, l := range lists {
		all = append(all, l...)
	}
	return all
}

const hz48000, hz24000, hz96000 = 3, 6, 0

func head(object, rate, layout uint32) fields {
	return fields{{5, object}, {4, rate}, {4, layout}}
}

var (
	plain  = fields{{1, 0}, {1, 0}, {1, 0}} // GASpecificConfig
	of960  = fields{{1, 1}, {1, 0}, {1, 0}}
	noProt = fields{{2, 0}} // epConfig
)

func upTo(rate, object uint32) fields { return fields{{4, rate}, {5, object}} }

func sbrBehind(present uint32, more ...[2]uint32) fields {
	return concat(fields{{11, syncSBR}, {5, 5}, {1, present}}, more)
}

func TestAACConfigurations(t *testing.T) {
	pce := concat(fields{{4, 0}, {2, 1}, {4, hz48000}, {4, 2}, {4, 0}, {4, 1}, {2, 1}, {3, 0}, {4, 0}, {3, 0}},
		fields{{1, 0}, {4, 0}, {1, 1}, {4, 0}, {1, 1}, {4, 1}, {4, 0}}) // 5.1: a centre, a pair, a pair behind, an LFE
	bitsBefore := uint32(5 + 4 + 4 + 3 + 34 + 19)
	pce = append(pce, [2]uint32{(8 - bitsBefore%8) % 8, 0}, [2]uint32{8, 1}, [2]uint32{8, 'x'})
	for name, tc := range map[string]struct {
		asc   fields
		want  AudioSpecificConfig
		ticks uint32 // of a frame, at the output rate
	}{
		"LC":                          {concat(head(2, hz48000, 2), plain), AudioSpecificConfig{48000, 48000, 2, 1024}, 1024},
		"LC of 960":                   {concat(head(2, hz48000, 2), of960), AudioSpecificConfig{48000, 48000, 2, 960}, 960},
		"Main":                        {concat(head(1, hz48000, 1), plain), AudioSpecificConfig{48000, 48000, 1, 1024}, 1024},
		"rate written out":            {concat(fields{{5, 2}, {4, 15}, {24, 6000}, {4, 2}}, plain), AudioSpecificConfig{6000, 6000, 2, 1024}, 1024},
		"96 kHz":                      {concat(head(2, hz96000, 2), plain), AudioSpecificConfig{96000, 96000, 2, 1024}, 1024},
		"7.1":                         {concat(head(2, hz48000, 7), plain), AudioSpecificConfig{48000, 48000, 8, 1024}, 1024},
		"layout in the frames":        {concat(head(2, hz48000, 0), plain), AudioSpecificConfig{48000, 48000, 2, 1024}, 1024},
		"5.1 by an element":           {concat(head(2, hz48000, 0), plain, pce), AudioSpecificConfig{48000, 48000, 6, 1024}, 1024},
		"5.1 by an element, then SBR": {concat(head(2, hz24000, 0), plain, pce, sbrBehind(1, [2]uint32{4, hz48000})), AudioSpecificConfig{24000, 48000, 6, 1024}, 2048},
		"SBR by hierarchy":            {concat(head(5, hz24000, 2), upTo(hz48000, 2), plain), AudioSpecificConfig{24000, 48000, 2, 1024}, 2048},
		"SBR of 960 by hierarchy":     {concat(head(5, hz24000, 2), upTo(hz48000, 2), of960), AudioSpecificConfig{24000, 48000, 2, 960}, 1920},
		"SBR at the core's rate":      {concat(head(5, hz48000, 2), upTo(hz48000, 2), plain), AudioSpecificConfig{48000, 48000, 2, 1024}, 1024},
		"SBR to 96 kHz":               {concat(head(5, hz48000, 2), upTo(hz96000, 2), plain), AudioSpecificConfig{48000, 96000, 2, 1024}, 2048},
		"SBR, rate written out":       {concat(fields{{5, 5}, {4, hz24000}, {4, 1}, {4, 15}, {24, 48000}, {5, 2}}, plain), AudioSpecificConfig{24000, 48000, 1, 1024}, 2048},
		"PS by hierarchy":             {concat(head(29, hz24000, 1), upTo(hz48000, 2), plain), AudioSpecificConfig{24000, 48000, 2, 1024}, 2048},
		"SBR behind it":               {concat(head(2, hz24000, 2), plain, sbrBehind(1, [2]uint32{4, hz48000})), AudioSpecificConfig{24000, 48000, 2, 1024}, 2048},
		"no SBR, said so":             {concat(head(2, hz24000, 2), plain, sbrBehind(0)), AudioSpecificConfig{24000, 24000, 2, 1024}, 1024},
		"SBR behind it, PS behind that": {concat(head(2, hz24000, 1), plain, sbrBehind(1, [][2]uint32{{4, hz48000}, {11, syncPS}, {1, 1}}...)),
			AudioSpecificConfig{24000, 48000, 2, 1024}, 2048},
		"SBR behind it, no PS behind that": {concat(head(2, hz24000, 1), plain, sbrBehind(1, [][2]uint32{{4, hz48000}, {11, syncPS}, {1, 0}}...)),
			AudioSpecificConfig{24000, 48000, 1, 1024}, 2048},
		"something else behind it": {concat(head(2, hz24000, 2), plain, fields{{24, 0xabcdef}}), AudioSpecificConfig{24000, 24000, 2, 1024}, 1024},
		"ER LC":                    {concat(head(17, hz48000, 2), plain, noProt), AudioSpecificConfig{48000, 48000, 2, 1024}, 1024},
		"LD":                       {concat(head(23, hz48000, 1), plain, noProt), AudioSpecificConfig{48000, 48000, 1, 512}, 512},
		"LD of 480":                {concat(head(23, hz48000, 1), of960, noProt), AudioSpecificConfig{48000, 48000, 1, 480}, 480},
		"ELD":                      {concat(fields{{5, 31}, {6, 7}, {4, hz48000}, {4, 1}, {5, 0}}), AudioSpecificConfig{48000, 48000, 1, 512}, 512},
		"ELD of 480 with SBR":      {concat(fields{{5, 31}, {6, 7}, {4, hz24000}, {4, 1}, {1, 1}, {3, 0}, {2, 3}, {16, 0}}), AudioSpecificConfig{24000, 48000, 1, 480}, 960},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := ReadAudioSpecificConfig(pack(tc.asc...))
			require.NoError(t, err)
			require.Equal(t, tc.want, got)
			require.Equal(t, tc.ticks, got.frameTicks(uint32(got.Rate)))
		})
	}
}

func TestAACThatEncodersWrote(t *testing.T) {
	for asc, want := range map[string]AudioSpecificConfig{
		"\x11\x90":                     {48000, 48000, 2, 1024}, // ffmpeg
		"\x11\x90\x56\xe5\x00":         {48000, 48000, 2, 1024}, // ffmpeg: SBR is ruled out
		"\x2b\x11\x88\x00":             {24000, 48000, 2, 1024}, // fdk-aac, HE-AAC
		"\xeb\x09\x88\x00":             {24000, 48000, 2, 1024}, // fdk-aac, HE-AAC v2
		"\x13\x10\x56\xe5\x98":         {24000, 48000, 2, 1024}, // fdk-aac, backward compatible
		"\x13\x08\x56\xe5\x9d\x48\x80": {24000, 48000, 2, 1024},
	} {
		got, err := ReadAudioSpecificConfig([]byte(asc))
		require.NoError(t, err)
		require.Equal(t, want, got, "%x", asc)
	}
}

func TestAACThatCannotBeRead(t *testing.T) {
	for want, asc := range map[string]fields{
		"cut off":                        {{5, 2}},
		"no sample rate":                 concat(head(2, 13, 2), plain),
		"channel configuration 9":        concat(head(2, hz48000, 9), plain),
		"audio object type 36: not AAC":  concat(fields{{5, 31}, {6, 4}, {4, hz48000}, {4, 2}, {16, 0}}), // ALS
		"audio object type 8: not AAC":   concat(head(8, hz48000, 2), plain),                             // CELP
		"audio object type 42: not AAC":  concat(fields{{5, 31}, {6, 10}, {4, hz48000}, {4, 2}, {16, 0}}),
		"AudioSpecificConfig : audio ob": nil,
	} {
		_, err := Describe(AAC, 48000, [][]byte{pack(asc...)})
		require.ErrorContains(t, err, want)
	}
}

func TestAACFramesInOtherTimescales(t *testing.T) {
	for scale, want := range map[uint32]uint32{48000: 2048, 24000: 1024, 90000: 3840, 44100: 0, 1: 0} {
		track, err := Describe(AAC, scale, [][]byte{pack(concat(head(5, hz24000, 2), upTo(hz48000, 2), plain)...)})
		require.NoError(t, err)
		require.Equal(t, want, track.FrameDurationTicks, "%d", scale)
	}
}

// The codecs parameter names what a decoder must support, however the configuration signals it.
func TestMIMEOfAAC(t *testing.T) {
	for name, tc := range map[string]struct {
		asc  fields
		want string
	}{
		"LC":                     {concat(head(2, hz48000, 2), plain), "mp4a.40.2"},
		"SBR by hierarchy":       {concat(head(5, hz24000, 2), upTo(hz48000, 2), plain), "mp4a.40.5"},
		"PS by hierarchy":        {concat(head(29, hz24000, 1), upTo(hz48000, 2), plain), "mp4a.40.29"},
		"SBR behind it":          {concat(head(2, hz24000, 2), plain, sbrBehind(1, [2]uint32{4, hz48000})), "mp4a.40.5"},
		"PS behind it":           {concat(head(2, hz24000, 1), plain, sbrBehind(1, [][2]uint32{{4, hz48000}, {11, syncPS}, {1, 1}}...)), "mp4a.40.29"},
		"SBR ruled out":          {concat(head(2, hz24000, 2), plain, sbrBehind(0)), "mp4a.40.2"},
		"SBR in the frames only": {concat(head(2, hz24000, 2), plain), "mp4a.40.2"},
		"ELD":                    {concat(fields{{5, 31}, {6, 7}, {4, hz48000}, {4, 1}, {5, 0}}), "mp4a.40.39"},
	} {
		track, err := Describe(AAC, 48000, [][]byte{pack(tc.asc...)})
		require.NoError(t, err, name)
		require.Equal(t, tc.want, Of(AAC).MIME(&track), name)
	}
}

// FuzzAAC: no configuration breaks the reader, and an accepted one can be stored.
func FuzzAAC(f *testing.F) {
	f.Add([]byte("\x2b\x11\x88\x00"), uint32(48000))
	f.Add([]byte("\x13\x08\x56\xe5\x9d\x48\x80"), uint32(24000))
	f.Add([]byte("\xf8\xe6\x20\x00"), uint32(90000))
	f.Add([]byte("\xeb\x09\x88\x00"), uint32(48000))
	f.Add([]byte("\x13\x14\x56\xe5\x98"), uint32(48000))
	f.Fuzz(func(t *testing.T, asc []byte, scale uint32) {
		if scale == 0 {
			return
		}
		track, err := Describe(AAC, scale, [][]byte{asc})
		if err != nil {
			return
		}
		require.NoError(t, track.Validate())
		require.Equal(t, AAC, track.Codec)
		require.LessOrEqual(t, track.Channels, 100)
		require.Regexp(t, `^mp4a\.40\.[0-9]+$`, Of(AAC).MIME(&track))
	})
}
