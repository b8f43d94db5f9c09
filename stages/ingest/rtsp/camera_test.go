package rtsp

import (
	"encoding/binary"
	"os"
	"sync"
	"testing"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/mp4/codecs"
	"github.com/bluenviron/mediacommon/v2/pkg/formats/pmp4"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"
)

// footage is a clip as RTP: its formats, and packets in decoding order.
type footage struct {
	video, audio description.Media
	h264         *format.H264
	packets      []footagePacket
	units        int
	sps, pps     []byte
}

type footagePacket struct {
	media *description.Media
	pkt   *rtp.Packet
}

// The tracks' RTP times at media time 0: near the end of 32 bits, so that both wrap in the middle of the clip.
const (
	videoRTP0 = uint32(1<<32 - 2*90000)
	audioRTP0 = uint32(1<<32 - 1*48000)
)

// film turns an H.264 + AAC clip into packets. In band, each key frame carries its parameter sets and the description
// has none.
func film(t *testing.T, file string, inBand bool) *footage {
	t.Helper()
	f, err := os.Open(file)
	require.NoError(t, err)
	defer f.Close()
	var p pmp4.Presentation
	require.NoError(t, p.Unmarshal(f))
	video, vscale := probe(t, file, "v")
	audio, ascale := probe(t, file, "a")
	avc := p.Tracks[0].Codec.(*codecs.H264)
	aac := p.Tracks[1].Codec.(*codecs.MPEG4Audio)
	out := &footage{sps: avc.SPS, pps: avc.PPS}
	out.h264 = &format.H264{PayloadTyp: 96, PacketizationMode: 1}
	if !inBand {
		out.h264.SPS, out.h264.PPS = avc.SPS, avc.PPS
	}
	mpeg4 := &format.MPEG4Audio{PayloadTyp: 97, Config: &aac.Config, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3}
	out.video = description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{out.h264}}
	out.audio = description.Media{Type: description.MediaTypeAudio, Formats: []format.Format{mpeg4}}
	venc, err := out.h264.CreateEncoder()
	require.NoError(t, err)
	aenc, err := mpeg4.CreateEncoder()
	require.NoError(t, err)
	next := 0
	for i, s := range p.Tracks[0].Samples {
		for next < len(audio) && audio[next].dts*int64(vscale) <= video[i].dts*int64(ascale) {
			out.sound(t, aenc.Encode, p.Tracks[1].Samples[next], audioRTP0+uint32(audio[next].pts))
			next++
		}
		au := nalUnits(t, s)
		if inBand && video[i].key {
			au = append([][]byte{{9, 0x10}, avc.SPS, avc.PPS}, au...)
		}
		pkts, err := venc.Encode(au)
		require.NoError(t, err)
		out.add(&out.video, pkts, videoRTP0+uint32(video[i].pts*90000/int64(vscale)))
	}
	for ; next < len(audio); next++ {
		out.sound(t, aenc.Encode, p.Tracks[1].Samples[next], audioRTP0+uint32(audio[next].pts))
	}
	out.units = len(video) + len(audio)
	return out
}

func (f *footage) sound(t *testing.T, encode func([][]byte) ([]*rtp.Packet, error), s *pmp4.Sample, at uint32) {
	frame, err := s.GetPayload()
	require.NoError(t, err)
	pkts, err := encode([][]byte{frame})
	require.NoError(t, err)
	f.add(&f.audio, pkts, at)
}

func (f *footage) add(m *description.Media, pkts []*rtp.Packet, at uint32) {
	for _, p := range pkts {
		p.Timestamp = at
		f.packets = append(f.packets, footagePacket{m, p})
	}
}

// description returns a new description, since gortsplib writes into it.
func (f *footage) description() *description.Session {
	return &description.Session{Medias: []*description.Media{&f.video, &f.audio}}
}

// reports returns sender reports at media time 0, an hour and a bit into NTP time.
func (f *footage) reports() (video, audio *rtcp.SenderReport) {
	const ntp = uint64(3900)<<32 | 1<<31
	return &rtcp.SenderReport{NTPTime: ntp, RTPTime: videoRTP0}, &rtcp.SenderReport{NTPTime: ntp, RTPTime: audioRTP0}
}

func nalUnits(t *testing.T, s *pmp4.Sample) (out [][]byte) {
	t.Helper()
	b, err := s.GetPayload()
	require.NoError(t, err)
	for len(b) >= 4 {
		n := int(binary.BigEndian.Uint32(b))
		out = append(out, b[4:4+n])
		b = b[4+n:]
	}
	require.Empty(t, b)
	return out
}

// publish sends footage to a server, after its reports if requested.
func (f *footage) publish(t *testing.T, url string, reports bool, packets []footagePacket) *gortsplib.Client {
	t.Helper()
	tcp := gortsplib.ProtocolTCP
	c := &gortsplib.Client{Protocol: &tcp, DisableRTCPSenderReports: true, WriteQueueSize: 4096}
	require.NoError(t, c.StartRecording(url, f.description()))
	if reports {
		v, a := f.reports()
		require.NoError(t, c.WritePacketRTCP(&f.video, v))
		require.NoError(t, c.WritePacketRTCP(&f.audio, a))
	}
	for _, p := range packets {
		require.NoError(t, c.WritePacketRTP(p.media, p.pkt))
	}
	return c
}

// camera is a server that plays footage once to a client with its password.
type camera struct {
	t          *testing.T
	film       *footage
	lib        *gortsplib.Server
	stream     *gortsplib.ServerStream
	user, pass string
	noTCP      bool

	mu       sync.Mutex
	requests []string
	played   sync.Once
	feeding  sync.WaitGroup
}

func newCamera(t *testing.T, f *footage, user, pass string, udp UDP, noTCP bool) *camera {
	t.Helper()
	c := &camera{t: t, film: f, user: user, pass: pass, noTCP: noTCP}
	c.lib = &gortsplib.Server{Handler: c, RTSPAddress: "127.0.0.1:0", WriteQueueSize: 4096, DisableRTCPSenderReports: true, ListenPacket: listenPaced}
	if udp != (UDP{}) {
		c.lib.UDPRTPAddress, c.lib.UDPRTCPAddress = loopback(udp.RTP), loopback(udp.RTCP)
	}
	require.NoError(t, c.lib.Start())
	c.stream = &gortsplib.ServerStream{Server: c.lib, Desc: f.description()}
	require.NoError(t, c.stream.Initialize())
	t.Cleanup(c.close)
	return c
}

func (c *camera) address() string { return c.lib.NetListener().Addr().String() }

func (c *camera) close() {
	c.feeding.Wait()
	c.stream.Close()
	c.lib.Close()
}

func (c *camera) OnRequest(_ *gortsplib.ServerConn, r *base.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests = append(c.requests, r.String())
}

func (c *camera) OnDescribe(x *gortsplib.ServerHandlerOnDescribeCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if !x.Conn.VerifyCredentials(x.Request, c.user, c.pass) {
		return &base.Response{StatusCode: base.StatusUnauthorized}, nil, liberrors.ErrServerAuth{}
	}
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

func (c *camera) OnSetup(x *gortsplib.ServerHandlerOnSetupCtx) (*base.Response, *gortsplib.ServerStream, error) {
	if c.noTCP && x.Transport.Protocol == gortsplib.ProtocolTCP {
		return &base.Response{StatusCode: base.StatusUnsupportedTransport}, nil, nil
	}
	return &base.Response{StatusCode: base.StatusOK}, c.stream, nil
}

func (c *camera) OnPlay(*gortsplib.ServerHandlerOnPlayCtx) (*base.Response, error) {
	return &base.Response{StatusCode: base.StatusOK}, nil
}

// OnResponse begins with the answer to PLAY: the reader gets packets from then on.
func (c *camera) OnResponse(_ *gortsplib.ServerConn, r *base.Response) {
	if r.Header["RTP-Info"] != nil {
		c.played.Do(func() {
			c.feeding.Add(1)
			go c.feed()
		})
	}
}

func (c *camera) feed() {
	defer c.feeding.Done()
	v, a := c.film.reports()
	for m, r := range map[*description.Media]*rtcp.SenderReport{&c.film.video: v, &c.film.audio: a} {
		if err := c.stream.WritePacketRTCP(m, r); err != nil {
			c.t.Error(err)
		}
	}
	for _, p := range c.film.packets {
		if err := c.stream.WritePacketRTP(p.media, p.pkt); err != nil {
			c.t.Error(err)
		}
	}
}
