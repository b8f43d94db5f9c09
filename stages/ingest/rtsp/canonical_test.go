package rtsp

import (
	"bytes"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/description"
	pion "github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/rtp"
)

const (
	sdpHead  = "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=No Name\r\nt=0 0\r\n"
	sdpVideo = "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=fmtp:96 packetization-mode=1\r\na=control:streamid=0\r\n"
)

// read returns a description as the server uses it.
func read(t *testing.T, sdp string) (*description.Session, []byte) {
	t.Helper()
	out, err := readable([]byte(sdp))
	require.NoError(t, err)
	d, err := readDescription(out)
	require.NoError(t, err, "%s", out)
	return d, out
}

// An unreadable track costs no other: gortsplib refuses the original and reads the rewritten one, with every section
// in its place.
func TestUnreadableTracksCostNoOther(t *testing.T) {
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
				d, got := read(t, sdp)
				require.Len(t, d.Medias, 2)
				controls := []string{d.Medias[0].Control, d.Medias[1].Control}
				require.ElementsMatch(t, []string{"streamid=0", "streamid=1"}, controls)
				take, leave := offered(rtp.Options{}).sort(d, got)
				require.Len(t, take, c.codecs)
				require.Equal(t, c.leave, leave)
			}
		})
	}
}

// Frames of mode AAC-lbr have their sizes in 6 bits, and are read as well.
func TestAACOfLowBitRateIsRead(t *testing.T) {
	sdp := sdpHead + sdpVideo + "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 mpeg4-generic/22050/1\r\n" +
		"a=fmtp:97 streamtype=5; profile-level-id=14; mode=AAC-lbr; config=1388; sizeLength=6; indexLength=2; indexDeltaLength=2\r\na=control:streamid=1\r\n"
	take, leave := offered(rtp.Options{}).sort(read(t, sdp))
	require.Len(t, take, 2, leave)
	require.EqualValues(t, 22050, take[1].config.Track.Timescale)
	sent := &pion.Packet{Header: pion.Header{Marker: true}, Payload: []byte{0, 8, 3 << 2, 0x01, 0x02, 0x03}}
	require.Equal(t, [][]byte{{1, 2, 3}}, frames(t, take[1].config, sent))
}

// GStreamer's configuration of LATM does not spoil its frames.
func TestLATMOfAnExtendedConfigurationIsRead(t *testing.T) {
	take, leave := offered(rtp.Options{}).sort(read(t, "m=audio 0 RTP/AVP 97\r\na=rtpmap:97 MP4A-LATM/48000\r\na=fmtp:97 cpresent=0;config=40002310adca00\r\n"))
	require.Len(t, take, 1, leave)
	require.Equal(t, [][]byte{{0x11, 0x88, 0x56, 0xe5, 0}}, take[0].config.Track.ParameterSets)
	sent := &pion.Packet{Header: pion.Header{Marker: true}, Payload: []byte{3, 0x01, 0x02, 0x03}}
	require.Equal(t, [][]byte{{0x01, 0x02, 0x03}}, frames(t, take[0].config, sent))
}

// frames returns the frames that an AAC track makes of a packet.
func frames(t *testing.T, c rtp.Config, p *pion.Packet) (out [][]byte) {
	t.Helper()
	pub := frameSink{out: &out}
	feed := ingest.NewFeed(pub, slog.New(slog.DiscardHandler))
	track, err := rtp.Add(feed, c)
	require.NoError(t, err)
	require.NoError(t, track.Packet(p, time.Now()))
	track.Close()
	feed.Close()
	return out
}

type frameSink struct{ out *[][]byte }

func (frameSink) SetTracks([]media.Track) error  { return nil }
func (frameSink) Lost(string, uint64)            {}
func (frameSink) Repaired(string, uint64)        {}
func (frameSink) Problem(int, *pipeline.Problem) {}
func (p frameSink) Write(_ int, au *media.AU) error {
	for _, b := range au.Payload {
		*p.out = append(*p.out, bytes.Clone(b))
	}
	return nil
}

func TestAPublisherWithAnUnreadableTrackIsAccepted(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{UDP: freeUDPPair(t)}) // gortsplib refuses mode 0 if it has UDP
	sdp := sdpHead + "m=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\na=control:streamid=0\r\nm=audio 0 RTP/AVP 97\r\na=control:streamid=1\r\n"
	url := "rtsp://" + addr + "/film"
	require.Equal(t, []string{"200 OK"}, exchange(t, addr, fmt.Sprintf(
		"ANNOUNCE %s RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", url, len(sdp), sdp)))
	require.Equal(t, 1, strings.Count(r.book.String(), rtp.Recordable))
	require.Contains(t, r.book.String(), "codec=unnamed-97")
}

func TestADescriptionIsRecognizedUnderAnyContentType(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	announce := func(header, body string) string {
		return exchange(t, addr, fmt.Sprintf("ANNOUNCE rtsp://%s/film RTSP/1.0\r\nCSeq: 1\r\n%sContent-Length: %d\r\n\r\n%s", addr, header, len(body), body))[0]
	}
	for _, header := range []string{
		"", "Content-Type: application/sdp\r\n", "content-type: Application/SDP\r\n", "Content-Type: application/sdp; charset=utf-8\r\n",
		"Content-Type: text/plain\r\n", "Content-Type:\r\n", "Content-Type: application/sdp\r\nContent-Type: application/sdp\r\n",
	} {
		require.Equal(t, "200 OK", announce(header, sdpHead+sdpVideo), header)
		eventually(t, "the path is free", func() bool { return r.info("film").Path == "" || r.info("film").Origin == "" })
	}
	require.Regexp(t, "^400 ", announce("Content-Type: text/html\r\n", "<html></html>"))
}

// Payload types of other codecs, under which gortsplib does not look for H.264.
func TestH264IsAcceptedUnderAnyPayloadType(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{UDP: freeUDPPair(t)})
	for _, pt := range []string{"0", "26", "35", "72", "95", "127"} {
		sdp := sdpHead + strings.ReplaceAll(sdpVideo, "96", pt)
		url := "rtsp://" + addr + "/pt" + pt
		require.Equal(t, []string{"200 OK", "200 OK"}, exchange(t, addr,
			fmt.Sprintf("ANNOUNCE %s RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: %d\r\n\r\n%s", url, len(sdp), sdp),
			"SETUP "+url+"/streamid=0 RTSP/1.0\r\nCSeq: 2\r\nTransport: RTP/AVP/TCP;unicast;interleaved=0-1;mode=record\r\n\r\n"), pt)
	}
}

func TestDescriptionThatCannotBeReadIsLogged(t *testing.T) {
	r := newFixture(t)
	_, addr := r.serve(Config{})
	require.Equal(t, []string{"400 session description without a media section (m=)"}, exchange(t, addr,
		"ANNOUNCE rtsp://"+addr+"/x RTSP/1.0\r\nCSeq: 1\r\nContent-Type: application/sdp\r\nContent-Length: 4\r\n\r\nxxxx"))
	eventually(t, "it is said why", func() bool {
		return strings.Contains(r.book.String(), "publisher refused: its session description cannot be read")
	})
}
