package rtsp

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

func TestTracksThatCannotBeSentAreLeftOut(t *testing.T) {
	flac := media.Track{Codec: codec.FLAC, Timescale: 48000, SampleRate: 48000, Channels: 2, ParameterSets: [][]byte{{0}}}
	onvif := media.Track{Codec: codec.ONVIF, Timescale: 90000}
	set, err := media.NewTrackSet(1, []media.Track{flac, pipelinetest.AVC(640, 360), pipelinetest.AAC(), onvif})
	require.NoError(t, err)
	d, err := Describe(set, "live/a")
	require.NoError(t, err)
	require.Equal(t, []int{1, 2, 3}, d.tracks)
	require.Len(t, d.LeftOut, 1)
	require.Contains(t, d.LeftOut[0], "is not sent by RTP here")
	for _, line := range []string{
		"s=live/a", "m=video 0 RTP/AVP 96", "a=control:trackID=0", "a=rtpmap:96 H264/90000", "m=audio 0 RTP/AVP 97", "a=control:trackID=1",
		"a=rtpmap:97 mpeg4-generic/48000/2", "m=application 0 RTP/AVP 98", "a=rtpmap:98 vnd.onvif.metadata/90000",
	} {
		require.Contains(t, string(d.Document()), line+"\r\n")
	}
	alone, err := media.NewTrackSet(1, []media.Track{flac})
	require.NoError(t, err)
	_, err = Describe(alone, "live/a")
	require.ErrorIs(t, err, ErrNoTracks)
	require.ErrorContains(t, err, "is not sent")
}

func TestLinesAreAddedToADescription(t *testing.T) {
	set, err := media.NewTrackSet(1, []media.Track{pipelinetest.AVC(640, 360), pipelinetest.AAC()})
	require.NoError(t, err)
	d, err := Describe(set, "live/m=1")
	require.NoError(t, err)
	before := string(d.Document())
	d.Add([]string{"a=one", "a=two"}, func(t *media.Track) string { return "a=" + t.Kind().String() })
	text := string(d.Document())
	for _, place := range []string{"\r\na=one\r\na=two\r\nm=video", "\r\na=video\r\nm=audio"} {
		require.Contains(t, text, place)
	}
	require.True(t, strings.HasSuffix(text, "\r\na=audio\r\n"))
	for _, added := range []string{"a=one\r\n", "a=two\r\n", "a=video\r\n", "a=audio\r\n"} {
		text = strings.Replace(text, added, "", 1)
	}
	require.Equal(t, before, text)
}
