package codec

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec/jpeg"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// pictureMJPEG returns the headers of a picture.
func pictureMJPEG(width, height int) []byte {
	tables := jpeg.AppendTables(nil, 50)
	return (&jpeg.Header{Width: width, Height: height, Quantization: [2][]byte{tables[:64], tables[64:]}}).Append(nil)
}

func TestAPictureDescribesMJPEG(t *testing.T) {
	track := media.Track{Codec: MJPEG, Timescale: 90000}
	require.NoError(t, Of(MJPEG).FromFrame(pictureMJPEG(1280, 720), &track))
	require.Equal(t, []int{1280, 720}, []int{track.Width, track.Height})
	require.NoError(t, track.Validate())
	require.Equal(t, "mp4v.6C", Of(MJPEG).MIME(&track))
	require.Equal(t, track, readBack(t, track))
	require.True(t, MJPEG.AlwaysSync())
	require.Error(t, Of(MJPEG).FromFrame([]byte{0xff, 0xd8}, &track))
}

func TestTheFormsOfMJPEG(t *testing.T) {
	stsd := func(fourcc string, width int, boxes func(w *isobmff.Writer)) []byte {
		var w isobmff.Writer
		w.U64(1)
		at := w.OpenVisualEntry(fourcc, width, 240)
		if boxes != nil {
			boxes(&w)
		}
		w.Close(at)
		return w.B
	}
	esds := func(object byte) func(w *isobmff.Writer) {
		return func(w *isobmff.Writer) { w.Esds(isobmff.VisualStream, object, nil) }
	}
	for name, entry := range map[string][]byte{"MP4": stsd("mp4v", 320, esds(0x6c)), "QuickTime": stsd("jpeg", 320, nil)} {
		track, err := ReadSampleEntry(entry, 600)
		require.NoError(t, err, name)
		require.Equal(t, media.Track{Codec: MJPEG, Timescale: 600, Width: 320, Height: 240}, track, name)
	}
	for want, entry := range map[string][]byte{
		"esds is damaged": stsd("mp4v", 320, nil), "0x240": stsd("jpeg", 0, nil), "the sample entry is cut": stsd("jpeg", 320, nil)[:50],
	} {
		_, err := ReadSampleEntry(entry, 600)
		require.Error(t, err, want)
		require.NotErrorIs(t, err, ErrNotRecorded, want)
	}
	for want, entry := range map[string][]byte{"two fields": stsd("mjpb", 320, nil), "0x6a": stsd("mp4v", 320, esds(0x6a))} {
		_, err := ReadSampleEntry(entry, 600)
		require.ErrorIs(t, err, ErrNotRecorded)
		require.ErrorContains(t, err, want)
	}
}
