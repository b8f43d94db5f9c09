package rtsp

import (
	"fmt"
	"strings"
	"testing"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"
)

const (
	sdpHead  = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nt=0 0\r\n"
	sdpVideo = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:streamid=0\r\n"
)

// One track that cannot be read costs no other: what gortsplib refuses as a whole
// it reads after this, with every section in its place.
func TestTracksThatCannotBeReadLeaveTheOthers(t *testing.T) {
	for name, c := range map[string]struct {
		section string
		leave   []string
		codecs  int
	}{
		"no name":            {"m=audio 0 RTP/AVP 97\r\nb=AS:96\r\na=control:streamid=1\r\n", []string{"unnamed-97"}, 1},
		"two nameless":       {"m=audio 0 RTP/AVP 97 98\r\na=control:streamid=1\r\n", []string{"unnamed-97", "unnamed-98"}, 1},
		"AAC without config": {"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/48000/2\r\na=control:streamid=1\r\n", []string{"unreadable-mpeg4-generic"}, 1},
		"broken AAC":         {"m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MPEG4-GENERIC/48000/2\r\na=fmtp:97 config=zz\r\na=control:streamid=1\r\n", []string{"unreadable-mpeg4-generic"}, 1},
		"broken sprop":       {"m=video 0 RTP/AVP 97\r\na=rtpmap:97 H264/90000\r\na=fmtp:97 sprop-parameter-sets=!!,!!\r\na=control:streamid=1\r\n", nil, 2},
		"broken mid":         {"m=video 0 RTP/AVP 97\r\na=mid:a b\r\na=rtpmap:97 H265/90000\r\na=control:streamid=1\r\n", nil, 2},
	} {
		t.Run(name, func(t *testing.T) {
			for _, sdp := range []string{sdpHead + sdpVideo + c.section, sdpHead + c.section + sdpVideo} {
				_, err := readDescription([]byte(sdp))
				require.Error(t, err, "gortsplib reads this by itself now")
				got, _ := readable([]byte(sdp))
				d := describe(t, string(got))
				require.Len(t, d.Medias, 2)
				controls := []string{d.Medias[0].Control, d.Medias[1].Control}
				require.ElementsMatch(t, []string{"streamid=0", "streamid=1"}, controls)
				take, leave := offers(d, got)
				require.Len(t, take, c.codecs)
				require.Equal(t, c.leave, leave)
			}
		})
	}
}

// Frames of mode AAC-lbr have their sizes in 6 bits, and are read all the same.
func TestAACOfLowBitRateIsRead(t *testing.T) {
	sdp := sdpHead + sdpVideo + "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/22050/1\r\n" +
		"a=fmtp:97 streamtype=5; profile-level-id=14; mode=AAC-lbr; config=1388; sizeLength=6; indexLength=2; indexDeltaLength=2\r\na=control:streamid=1\r\n"
	_, err := readDescription([]byte(sdp))
	require.Error(t, err, "gortsplib reads this by itself now")
	got, _ := readable([]byte(sdp))
	take, leave := offers(describe(t, string(got)), got)
	require.Len(t, take, 2, leave)
	require.EqualValues(t, 22050, take[1].config.Track.Timescale)
	frame := &rtp.Packet{Header: rtp.Header{Marker: true}, Payload: []byte{0, 8, 3 << 2, 0x01, 0x02, 0x03}}
	d, err := take[1].format.(*format.MPEG4Audio).CreateDecoder()
	require.NoError(t, err)
	frames, err := d.Decode(frame)
	require.NoError(t, err)
	require.Equal(t, [][]byte{{1, 2, 3}}, frames)
}

func TestReadableDescriptionIsLeftAlone(t *testing.T) {
	grouped := sdpHead + "a=group:FEC a b\r\nm=video 0 RTP/AVP 96\r\na=mid:a\r\na=rtpmap:96 H265/90000\r\nm=video 0 RTP/AVP 97\r\na=mid:b\r\na=rtpmap:97 H265/90000\r\n"
	for _, sdp := range []string{sdpCamera, announceSDP, grouped, "no description", ""} {
		require.Equal(t, sdp, string(must(readable([]byte(sdp)))))
	}
}

// gortsplib takes mode 0 by TCP only, and refuses a publisher for it even then.
func TestPacketizationMode0IsRead(t *testing.T) {
	for _, fmtp := range []string{
		"", "a=fmtp:96 packetization-mode=0\r\n", "a=fmtp:96 profile-level-id=64001E\r\n", "a=fmtp:96 profile-level-id=64001E; packetization-mode=0",
	} {
		sdp := sdpHead + "m=video 0 RTP/AVP 96\r\na=control:x\r\na=rtpmap:96 H264/90000\r\n" + fmtp
		d := describe(t, string(must(readable([]byte(sdp)))))
		require.Equal(t, 1, d.Medias[0].Formats[0].(*format.H264).PacketizationMode, fmtp)
		require.Equal(t, "x", d.Medias[0].Control)
	}
}

func TestPublisherWithAnUnreadableTrackIsTaken(t *testing.T) {
	r := newRig(t)
	_, addr := r.serve(Config{UDP: freeUDPPair(t)}) // mode 0 is an error to gortsplib where there is UDP
	sdp := sdpHead + "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:streamid=0\r\nm=audio 0 RTP/AVP 97\r\na=control:streamid=1\r\n"
	url := "rtsp://" + addr + "/film"
	require.Equal(t, []string{"200 OK"}, exchange(t, addr, fmt.Sprintf(
		"ANNOUNCE %s RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", url, len(sdp), sdp)))
	require.Equal(t, 1, strings.Count(r.book.String(), "H.264, H.265 and AAC can be"))
	require.Contains(t, r.book.String(), "codec=unnamed-97")
}

func TestDescriptionThatCannotBeReadIsLogged(t *testing.T) {
	r := newRig(t)
	_, addr := r.serve(Config{})
	require.Equal(t, []string{"400 Session Description Cannot Be Read"}, exchange(t, addr,
		"ANNOUNCE rtsp://"+addr+"/x RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: 4\r\n\r\nxxxx"))
	eventually(t, "it is said why", func() bool {
		return strings.Contains(r.book.String(), "publisher refused: its session description cannot be read")
	})
}

// FuzzReadable: what can be read stays what it was, and what cannot does no harm.
func FuzzReadable(f *testing.F) {
	f.Add(sdpCamera)
	f.Add(sdpHead + sdpVideo + "m=audio 0 RTP/AVP 97\r\na=control:streamid=1\r\n")
	f.Add(sdpHead + "m=video 0 RTP/AVP 96\na=rtpmap:96 H264/90000")
	f.Fuzz(func(t *testing.T, sdp string) {
		was, err := readDescription([]byte(sdp))
		got, _ := readable([]byte(sdp))
		if err != nil {
			return
		}
		is, err := readDescription(got)
		require.NoError(t, err)
		require.Len(t, is.Medias, len(was.Medias))
		for i, m := range is.Medias {
			require.Equal(t, rtpMaps(was.Medias[i]), rtpMaps(m))
		}
	})
}

func rtpMaps(m *description.Media) (out []string) {
	for _, f := range m.Formats {
		out = append(out, f.RTPMap())
	}
	return append(out, m.Control)
}

func must(b []byte, _ error) []byte { return b }
