package codec

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// sequencesAV1 holds sequence headers that libaom has made, with the first bytes of the av1C that ffmpeg made for them.
var sequencesAV1 = []struct {
	header, config []byte
	width, height  int
	mime           string
}{
	{[]byte{0x0a, 0x0b, 0x00, 0x00, 0x00, 0x04, 0x3c, 0xfe, 0xcc, 0xda, 0xf9, 0x00, 0x40}, []byte{0x81, 0x00, 0x0c, 0x00}, 320, 180, "av01.0.00M.08"},
	{[]byte{0x0a, 0x0b, 0x00, 0x00, 0x00, 0x42, 0xab, 0xbf, 0xc3, 0x77, 0x6b, 0xe5, 0x01}, []byte{0x81, 0x08, 0x4c, 0x00}, 1920, 1080, "av01.0.08M.10"},
}

// The frame OBUs of a key frame that is shown, and of another frame.
var (
	keyFrame   = []byte{0x32, 0x03, 0x10, 0x00, 0x00}
	interFrame = []byte{0x32, 0x03, 0x30, 0x00, 0x00}
)

func TestAKeyFrameDescribesAV1(t *testing.T) {
	for _, c := range sequencesAV1 {
		unit := slices.Concat(c.header, keyFrame)
		require.True(t, Of(AV1).Sync(unit))
		track := media.Track{Codec: AV1, Timescale: 90000}
		require.NoError(t, Of(AV1).FromFrame(unit, &track))
		require.Equal(t, []int{c.width, c.height}, []int{track.Width, track.Height})
		require.Equal(t, c.mime, Of(AV1).MIME(&track))
		var w isobmff.Writer
		_, err := WriteSampleEntry(&w, &track)
		require.NoError(t, err)
		stsd := isobmff.Find(w.B, "stsd")
		entry, _ := isobmff.ReadVisualEntry(stsd[16:])
		require.Equal(t, slices.Concat(c.config, c.header), isobmff.Find(entry.Boxes, "av1C"), "as ffmpeg writes it")
		got, err := ReadSampleEntry(stsd, 90000)
		require.NoError(t, err)
		require.Equal(t, track, got)
	}
}

func TestOnlyAShownKeyFrameWithASequenceHeaderIsASyncSampleOfAV1(t *testing.T) {
	header := sequencesAV1[0].header
	for name, unit := range map[string][]byte{
		"nothing": {}, "no sequence header": keyFrame, "another frame": slices.Concat(header, interFrame),
		"not shown": slices.Concat(header, []byte{0x32, 0x03, 0x00, 0x00, 0x00}), "shown again": slices.Concat(header, []byte{0x1a, 0x01, 0x80}),
		"no frame": header, "an empty frame": slices.Concat(header, []byte{0x32, 0x00}),
	} {
		require.False(t, Of(AV1).Sync(unit), name)
	}
	require.ErrorContains(t, Of(AV1).FromFrame(keyFrame, &media.Track{}), "no sequence header")
	require.ErrorContains(t, Of(AV1).FromFrame([]byte{0x0a, 1, 0}, &media.Track{}), "sequence header")
}

func FuzzAV1(f *testing.F) {
	for _, c := range sequencesAV1 {
		f.Add(slices.Concat(c.header, keyFrame))
	}
	f.Fuzz(func(t *testing.T, unit []byte) {
		track := media.Track{Codec: AV1, Timescale: 90000}
		if !Of(AV1).Sync(unit) || Of(AV1).FromFrame(unit, &track) != nil || track.Validate() != nil {
			return
		}
		got := readBack(t, track)
		require.Equal(t, track, got)
		require.Equal(t, Of(AV1).MIME(&track), Of(AV1).MIME(&got))
	})
}
