package webrtc

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/rtp"
)

// browserOffer is like that of Chromium.
const browserOffer = "v=0\r\no=- 4 2 IN IP4 127.0.0.1\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0 1\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99 103 104 107\r\na=mid:0\r\na=sendonly\r\n" +
	"a=rtpmap:96 VP8/90000\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n" +
	"a=rtpmap:98 VP9/90000\r\na=fmtp:98 profile-id=0\r\na=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\n" +
	"a=rtpmap:103 H264/90000\r\na=fmtp:103 level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42001f\r\n" +
	"a=rtpmap:104 rtx/90000\r\na=fmtp:104 apt=103\r\n" +
	"a=rtpmap:107 H264/90000\r\na=fmtp:107 level-asymmetry-allowed=1;packetization-mode=0;profile-level-id=42001f\r\n" +
	"m=audio 9 UDP/TLS/RTP/SAVPF 111 63 9 0 8 13 110\r\na=mid:1\r\na=inactive\r\n" +
	"a=rtpmap:111 opus/48000/2\r\na=fmtp:111 minptime=10;useinbandfec=1\r\na=rtpmap:63 red/48000/2\r\na=fmtp:63 111/111\r\n" +
	"a=rtpmap:110 telephone-event/48000\r\n"

func TestAnOfferIsRead(t *testing.T) {
	o, err := readOffer(browserOffer)
	require.NoError(t, err)
	require.Len(t, o.sections, 2)
	pictures, sound := &o.sections[0], &o.sections[1]
	require.Equal(t, "0", pictures.mid)
	require.True(t, pictures.sends())
	require.False(t, pictures.receives())
	require.False(t, sound.sends())
	f, c, unfit := pictures.choose(rtp.Options{}, "", false)
	require.Equal(t, uint8(103), f.PayloadType, "H.264 before VP9, and in fragments")
	require.Equal(t, uint8(104), *f.rtx)
	require.Equal(t, uint32(90000), c.Track.Timescale)
	require.Equal(t, []string{"vp8", "h264"}, unfit, "that of single NAL units")
	f, _, _ = pictures.choose(rtp.Options{}, "vp9", false)
	require.Equal(t, uint8(98), f.PayloadType)
	f, _, _ = sound.choose(rtp.Options{}, "", false)
	require.Equal(t, uint8(111), f.PayloadType)
	require.Nil(t, f.rtx)
	require.Equal(t, "opus", f.codec)
	require.Equal(t, "10", f.parameter("minptime"))
	list := codecsOf("video", &pictures.formats[4])
	require.Len(t, list, 2)
	require.Equal(t, "video/H264", list[0].MimeType)
	require.Equal(t, "apt=103", list[1].SDPFmtpLine)
}

func TestAFragmentIsRead(t *testing.T) {
	f, err := readFragment("a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\nm=audio 9 RTP/AVP 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\na=end-of-candidates\r\n")
	require.NoError(t, err)
	require.Equal(t, fragment{"EsAw", "P2uYro0UCOQ4zxjKXaWCBui1"}, f)
	for _, text := range []string{"", "a=ice-ufrag:EsAw\r\n", "nonsense", "a=ice-ufrag:E Aw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"} {
		_, err := readFragment(text)
		require.Error(t, err, text)
	}
	long := "a=ice-ufrag:" + strings.Repeat("a", 257) + "\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n"
	_, err = readFragment(long)
	require.Error(t, err)
}

func FuzzOffer(f *testing.F) {
	f.Add(browserOffer)
	f.Fuzz(func(t *testing.T, text string) {
		o, err := readOffer(text)
		if err != nil {
			return
		}
		for i := range o.sections {
			s := &o.sections[i]
			if best, _, _ := s.choose(rtp.Options{}, "", false); best != nil {
				require.NotEmpty(t, codecsOf(s.kind, best))
			}
		}
	})
}

func FuzzFragment(f *testing.F) {
	f.Add("a=ice-ufrag:EsAw\r\na=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := readFragment(text)
		if err == nil {
			require.GreaterOrEqual(t, len(got.password), 22)
			require.NotContains(t, got.ufrag+got.password, "\n")
		}
	})
}
