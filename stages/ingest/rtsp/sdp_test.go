package rtsp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest/rtp"
)

// sdpCamera has parts that gortsplib would lose: a second PPS, and an AudioSpecificConfig with SBR signalled after
// the part that its parser reads.
const sdpCamera = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=cam\r\nt=0 0\r\n" +
	"m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n" +
	"a=fmtp:96 packetization-mode=1; sprop-parameter-sets=Z2QADKzZQUGfnwEQAAADABAAAAMDIPFCmWA=,aOvjyyLA,aFvjyyLA; profile-level-id=64000C\r\n" +
	"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/24000/2\r\n" +
	"a=fmtp:97 streamtype=5; mode=AAC-hbr; config=131056e598; sizelength=13; indexlength=3; indexdeltalength=3\r\n" +
	"m=audio 0 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n" +
	"m=application 0 RTP/AVP 98\r\na=rtpmap:98 vnd.onvif.metadata/90000\r\n" +
	"m=application 0 RTP/AVP 99\r\na=rtpmap:99 t140/1000\r\n" +
	"m=application 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"

func TestOffersKeepTheDescriptionsParameters(t *testing.T) {
	take, leave := offered(rtp.Options{}).sort(read(t, sdpCamera))
	require.Len(t, take, 4)
	require.Equal(t, codec.H264, take[0].config.Track.Codec)
	require.Len(t, take[0].config.Track.ParameterSets, 3)
	require.Equal(t, [][]byte{{0x13, 0x10, 0x56, 0xe5, 0x98}}, take[1].config.Track.ParameterSets)
	require.Equal(t, codec.LPCM, take[2].config.Track.Codec)
	require.Equal(t, codec.ONVIF, take[3].config.Track.Codec)
	require.Equal(t, []string{"t140", "h264"}, leave)
}

// TestAnExceededBoundIsNamed reads the same lines within the bounds for peers and within those of the canonical form.
func TestAnExceededBoundIsNamed(t *testing.T) {
	for _, b := range []bounds{outsideBounds, canonicalBounds} {
		sdp := "m=video 0 RTP/AVP 96\n" + strings.Repeat("a=x\n", b.attributes)
		_, err := readText([]byte(sdp), b)
		require.NoError(t, err)
		_, err = readText([]byte(sdp+"a=x\n"), b)
		require.EqualError(t, err, fmt.Sprintf("session description, line %d: more than %d attributes (a=)", b.attributes+2, b.attributes))
	}
}

// Times run at the clock of the rtpmap, whatever rates the configuration has.
func TestOffersRunAtTheClockOfTheRTPMap(t *testing.T) {
	const generic = "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/%s\r\n" +
		"a=fmtp:97 streamtype=5; mode=AAC-hbr; config=%s; sizelength=13; indexlength=3; indexdeltalength=3\r\n"
	const latm = "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MP4A-LATM/%s\r\na=fmtp:97 cpresent=0; config=%s\r\n"
	for _, tc := range []struct {
		form, clock, config string
		timescale, rate     int
	}{
		{generic, "48000/2", "1190", 48000, 48000},
		{generic, "48000/2", "1310", 48000, 24000}, // implicit
		{generic, "24000/2", "1310", 24000, 24000},
		{generic, "48000/2", "131056e598", 48000, 48000},
		{generic, "24000/2", "131056e598", 24000, 48000},
		{generic, "48000/2", "2b118800", 48000, 48000},
		{generic, "24000/2", "2b118800", 24000, 48000},
		{generic, "90000", "2b118800", 90000, 48000},
		{generic, "1000/2", "1190", 48000, 48000},         // in milliseconds
		{latm, "24000/1", "400026203fc0", 24000, 24000},   // RFC 6416, 7.3
		{latm, "48000/2", "40005623101fe0", 48000, 48000}, // the same, of HE-AAC
		{latm, "24000/2", "40005623101fe0", 24000, 48000}, // contradictory
		{latm, "48000", "40002310adca00", 48000, 48000},   // GStreamer's, of what ffmpeg writes into files
		{latm, "48000", "40002620adcb30", 48000, 48000},   // the same, of HE-AAC
	} {
		sdp := sdpHead + fmt.Sprintf(tc.form, tc.clock, tc.config)
		take, leave := offered(rtp.Options{}).sort(read(t, sdp))
		require.Len(t, take, 1, "%s: %v", sdp, leave)
		track, clock := take[0].config.Track, uint32(0)
		_, err := fmt.Sscanf(tc.clock, "%d", &clock)
		require.NoError(t, err)
		require.EqualValues(t, tc.timescale, track.Timescale, sdp)
		made, err := codec.Describe(codec.AAC, track.Timescale, track.ParameterSets)
		require.NoError(t, err)
		require.Equal(t, tc.rate, made.SampleRate, sdp)
		require.Equal(t, clock, take[0].config.Clock, sdp)
		require.NotContains(t, take[0].config.OtherClocks, take[0].config.Clock)
	}
}

// The setting decides only how G.711 is recorded.
func TestG711IsKeptByTheSetting(t *testing.T) {
	for keep, want := range map[bool]media.Codec{true: codec.MuLaw, false: codec.LPCM} {
		take, _ := offered(rtp.Options{KeepG711: keep}).sort(read(t, sdpCamera))
		require.Equal(t, want, take[2].config.Track.Codec)
		require.Equal(t, codec.H264, take[0].config.Track.Codec)
	}
}
