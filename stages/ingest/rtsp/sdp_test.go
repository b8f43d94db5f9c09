package rtsp

import (
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/sdpunmarshaler"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// sdpCamera has what gortsplib would lose: a second PPS, and an
// AudioSpecificConfig with a signal of SBR behind what its parser reads.
const sdpCamera = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=cam\r\nt=0 0\r\n" +
	"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n" +
	"a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z2QADKzZQUGfnwEQAAADABAAAAMDIPFCmWA=,aOvjyyLA,aFvjyyLA; profile-level-id=64000C\r\n" +
	"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/24000/2\r\n" +
	"a=fmtp:97 streamtype=5; mode=AAC-hbr; config=131056e598; sizelength=13; indexlength=3; indexdeltalength=3\r\n" +
	"m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n" +
	"m=application 0 RTP/AVP 98\r\na=rtpmap:98 vnd.onvif.metadata/90000\r\n"

func describe(t *testing.T, sdp string) *description.Session {
	t.Helper()
	ssd, err := sdpunmarshaler.Unmarshal([]byte(sdp))
	require.NoError(t, err)
	var d description.Session
	require.NoError(t, d.Unmarshal2(ssd))
	return &d
}

func TestOffersKeepWhatTheDescriptionSaid(t *testing.T) {
	take, leave := offers(describe(t, sdpCamera), []byte(sdpCamera))
	require.Len(t, take, 2)
	require.Equal(t, media.H264, take[0].config.Track.Codec)
	require.Len(t, take[0].config.Track.ParameterSets, 3)
	require.Equal(t, [][]byte{{0x13, 0x10, 0x56, 0xe5, 0x98}}, take[1].config.Track.ParameterSets)
	require.Equal(t, []string{"pcmu", "vnd.onvif.metadata"}, leave)
}

func TestOffersWithoutTheTextFallBackToWhatWasRead(t *testing.T) {
	take, _ := offers(describe(t, sdpCamera), nil)
	require.Len(t, take, 2)
	require.Len(t, take[0].config.Track.ParameterSets, 2)
	require.Equal(t, [][]byte{{0x13, 0x10}}, take[1].config.Track.ParameterSets)
}

// FuzzOffers: no session description harms the reader.
func FuzzOffers(f *testing.F) {
	f.Add(sdpCamera)
	f.Add(announceSDP)
	f.Add("m=video 0 RTP/AVP 96\na=fmtp:96 sprop-vps=;=;;\na=fmtp:999 x\na=fmtp:")
	f.Fuzz(func(t *testing.T, sdp string) {
		ssd, err := sdpunmarshaler.Unmarshal([]byte(sdp))
		if err != nil {
			return
		}
		var d description.Session
		if d.Unmarshal2(ssd) != nil {
			readFMTP([]byte(sdp), 1)
			return
		}
		take, _ := offers(&d, []byte(sdp))
		for _, o := range take {
			require.NotZero(t, o.config.Track.Codec)
		}
	})
}
