package codec

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// headersVP9 holds the beginnings of key frames (6.2 of the specification), with their descriptions.
var headersVP9 = []struct {
	frame         []byte
	width, height int
	mime          string
}{
	{[]byte{0x82, 0x49, 0x83, 0x42, 0x00, 0x13, 0xf0, 0x0b, 0x36, 0x00}, 320, 180, "vp09.00.11.08"},
	{[]byte{0x92, 0x49, 0x83, 0x42, 0x00, 0x3b, 0xf8, 0x21, 0xb8, 0x00}, 1920, 1080, "vp09.02.40.10"},
}

func TestAKeyFrameDescribesVP9(t *testing.T) {
	for _, c := range headersVP9 {
		require.True(t, Of(VP9).Sync(c.frame))
		track := media.Track{Codec: VP9, Timescale: 90000}
		require.NoError(t, Of(VP9).FromFrame(c.frame, &track))
		require.Equal(t, []int{c.width, c.height}, []int{track.Width, track.Height})
		require.NoError(t, track.Validate())
		require.Equal(t, c.mime, Of(VP9).MIME(&track))
		require.Equal(t, track, readBack(t, track))
	}
}

func TestOnlyAKeyFrameIsASyncSampleOfVP9(t *testing.T) {
	for name, frame := range map[string][]byte{"inter": {0x86, 0}, "shown again": {0x88, 0}, "empty": {}, "another marker": {0x42, 0x49}} {
		require.False(t, Of(VP9).Sync(frame), name)
	}
	require.ErrorContains(t, Of(VP9).FromFrame([]byte{0x86, 0, 0, 0}, &media.Track{}), "not a key frame")
	require.Error(t, Of(VP9).FromFrame(headersVP9[0].frame[:6], &media.Track{}))
}

func FuzzVP9(f *testing.F) {
	for _, c := range headersVP9 {
		f.Add(c.frame)
	}
	f.Fuzz(func(t *testing.T, frame []byte) {
		track := media.Track{Codec: VP9, Timescale: 90000}
		if !Of(VP9).Sync(frame) || Of(VP9).FromFrame(frame, &track) != nil {
			return
		}
		if track.Validate() == nil {
			require.NotEmpty(t, Of(VP9).MIME(&track))
			require.Equal(t, track, readBack(t, track))
		}
	})
}
