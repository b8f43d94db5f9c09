package webrtc

import (
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/ingest"
)

// Each source of packets costs memory until its session ends: one that names many ends.
func TestManySourcesEndASession(t *testing.T) {
	f := newFixture(t)
	f.camera(pipelinetest.AVC(640, 360)).picture(0)
	c := f.client()
	c.receives(video)
	require.Equal(t, http.StatusCreated, c.offer("/whep/"+path).StatusCode)
	c.until(pion.PeerConnectionStateConnected)
	sources := make([]uint32, 255)
	for i := range sources {
		sources[i] = uint32(i) + 1000
	}
	require.NoError(t, c.pc.WriteRTCP([]rtcp.Packet{&rtcp.ReceiverEstimatedMaximumBitrate{Bitrate: 1e6, SSRCs: sources}}))
	f.ended("too many sources")
}

// pauses records the waits of a server.
type pauses struct {
	pipeline.Clock

	mu  sync.Mutex // guards all
	all []time.Duration
}

func (p *pauses) After(d time.Duration) (<-chan time.Time, func()) {
	p.mu.Lock()
	p.all = append(p.all, d)
	p.mu.Unlock()
	return p.Clock.After(d)
}

// Requests for lost packets make the server send: it waits for each packet before it reads on.
func TestRequestsForPacketsAreSlowedDown(t *testing.T) {
	clock := &pauses{Clock: pipeline.SystemClock}
	f := newFixture(t, func(_ *Settings, d *ingest.ServerDeps) { d.Clock = clock })
	f.camera(pipelinetest.AVC(640, 360)).picture(0)
	c := f.client()
	c.receives(video)
	payloads := c.packetsOf(video)
	require.Equal(t, http.StatusCreated, c.offer("/whep/"+path).StatusCode)
	<-payloads
	ssrc := uint32(c.pc.GetReceivers()[0].Track().SSRC())
	require.NoError(t, c.pc.WriteRTCP([]rtcp.Packet{&rtcp.TransportLayerNack{MediaSSRC: ssrc, Nacks: []rtcp.NackPair{{PacketID: 1, LostPackets: 0xffff}, {PacketID: 18}}}}))
	f.eventually("it waits for 18 packets", func() bool {
		clock.mu.Lock()
		defer clock.mu.Unlock()
		return slices.Contains(clock.all, 18*repeatPause)
	})
}

// Strangers can connect by TCP: few of one address are kept, and none delays the end of the server.
func TestIdleTCPConnections(t *testing.T) {
	f := newFixture(t)
	var all []net.Conn
	for range maxStreamsPerAddress + 1 {
		c, err := net.Dial("tcp", f.server.Addr().String())
		require.NoError(t, err)
		defer func() { _ = c.Close() }()
		all = append(all, c)
	}
	_, err := all[maxStreamsPerAddress].Read(make([]byte, 1))
	require.Error(t, err)
	f.stop()
	for _, c := range all {
		_, err := c.Read(make([]byte, 1))
		require.Error(t, err)
	}
}

// Of many offers for a path at once each gets an answer, and one session stays at most.
func TestManyOffersForAPathAtOnce(t *testing.T) {
	f := newFixture(t)
	c := f.client()
	c.sends(pion.MimeTypeH264, 90000)
	offer, err := c.pc.CreateOffer(nil)
	require.NoError(t, err)
	var offers sync.WaitGroup
	codes := make(chan int, 160)
	for range 8 {
		offers.Go(func() {
			for range 20 {
				res, err := http.Post(f.http.URL+"/whip/"+path, sdpType, strings.NewReader(offer.SDP))
				if err != nil {
					codes <- 0
					continue
				}
				_, _ = io.Copy(io.Discard, res.Body)
				_ = res.Body.Close()
				codes <- res.StatusCode
			}
		})
	}
	offers.Wait()
	close(codes)
	for code := range codes {
		require.Contains(t, []int{http.StatusCreated, http.StatusConflict, http.StatusServiceUnavailable}, code)
	}
	f.eventually("one session stays", func() bool { return len(f.server.Connections()) == 1 })
}

// unnamed is a track whose packets have no source in the session description.
type unnamed struct {
	*pion.TrackLocalStaticRTP
	bound chan struct{}
	to    pion.TrackLocalWriter
	pt    uint8
}

func (u *unnamed) Bind(c pion.TrackLocalContext) (pion.RTPCodecParameters, error) {
	p, err := u.TrackLocalStaticRTP.Bind(c)
	u.to, u.pt = c.WriteStream(), uint8(p.PayloadType)
	close(u.bound)
	return p, err
}

// A single track needs no attribute ssrc; of several each needs one.
func TestOffersWithoutSources(t *testing.T) {
	f := newFixture(t)
	bare := func(c *client) string {
		offer, err := c.pc.CreateOffer(nil)
		require.NoError(t, err)
		require.NoError(t, c.pc.SetLocalDescription(offer))
		var text strings.Builder
		for line := range strings.Lines(offer.SDP) {
			if !strings.HasPrefix(line, "a=ssrc") {
				text.WriteString(line)
			}
		}
		return text.String()
	}
	two := f.client()
	two.sends(pion.MimeTypeH264, 90000)
	two.sends(pion.MimeTypeOpus, 48000)
	res := f.ask(http.MethodPost, "/whip/"+path, sdpType, bare(two))
	require.Equal(t, http.StatusUnsupportedMediaType, res.StatusCode)
	require.Contains(t, res.text, "ssrc")

	c := f.client()
	static, err := pion.NewTrackLocalStaticRTP(pion.RTPCodecCapability{MimeType: pion.MimeTypeH264, ClockRate: 90000}, "video", "camera")
	require.NoError(t, err)
	track := &unnamed{TrackLocalStaticRTP: static, bound: make(chan struct{})}
	_, err = c.pc.AddTrack(track)
	require.NoError(t, err)
	res = f.ask(http.MethodPost, "/whip/"+path, sdpType, bare(c))
	require.Equal(t, http.StatusCreated, res.StatusCode, res.text)
	require.NoError(t, c.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: res.text}))
	c.until(pion.PeerConnectionStateConnected)
	<-track.bound
	n := uint16(0)
	f.eventually("media comes", func() bool {
		n++
		_, err := track.to.WriteRTP(&rtp.Header{Version: 2, PayloadType: track.pt, SSRC: 77, SequenceNumber: n, Timestamp: uint32(n) * 3600, Marker: true}, []byte{0x65, 1, 2, 3})
		require.NoError(t, err)
		list := f.server.Connections()
		return len(list) == 1 && list[0].State == media.ConnectionPublishing && list[0].Bytes > 0
	})
}

// Several sizes of one picture (simulcast) are refused.
func TestSimulcastIsRefused(t *testing.T) {
	f := newFixture(t)
	c := f.client()
	h264 := pion.RTPCodecCapability{MimeType: pion.MimeTypeH264, ClockRate: 90000}
	var sizes []*pion.TrackLocalStaticRTP
	for _, rid := range []string{"a", "b"} {
		track, err := pion.NewTrackLocalStaticRTP(h264, "video", "camera", pion.WithRTPStreamID(rid))
		require.NoError(t, err)
		sizes = append(sizes, track)
	}
	sender, err := c.pc.AddTrack(sizes[0])
	require.NoError(t, err)
	require.NoError(t, sender.AddEncoding(sizes[1]))
	res := c.offer("/whip/" + path)
	require.Equal(t, http.StatusUnsupportedMediaType, res.StatusCode)
	require.Contains(t, res.text, "simulcast")
}
