package e2e

import (
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/ice/v4"
	"github.com/pion/interceptor"
	"github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/rtsp/rtsptest"
)

// whipTrack is a track of H.264 that a client of pion publishes.
type whipTrack struct {
	packets [][]*rtp.Packet // of each picture
	local   *pion.TrackLocalStaticRTP
	only    *pion.RTPCodecParameters // what is offered; nil: the codecs of pion
	pc      *pion.PeerConnection
	session string // URL
}

// newWhipTrack packetises pictures, with the parameter sets before each key frame.
func newWhipTrack(t *testing.T, pictures *rtsptest.Track) *whipTrack {
	t.Helper()
	coder, err := (&format.H264{PayloadTyp: 96, PacketizationMode: 1}).CreateEncoder()
	require.NoError(t, err)
	w := &whipTrack{}
	for i, u := range pictures.Units {
		nals := u.NALs
		if u.Key {
			nals = slices.Concat(pictures.Sets, nals)
		}
		packets, err := coder.Encode(nals)
		require.NoError(t, err)
		for _, p := range packets {
			p.Timestamp = uint32(i) * 3600
		}
		w.packets = append(w.packets, packets)
	}
	w.local, err = pion.NewTrackLocalStaticRTP(pion.RTPCodecCapability{MimeType: pion.MimeTypeH264, ClockRate: 90000, SDPFmtpLine: "packetization-mode=1;profile-level-id=42e01f"}, "video", "camera")
	require.NoError(t, err)
	return w
}

// connect publishes a track at a URL. through changes the answer of the server; nil: nothing.
func (w *whipTrack) connect(t *testing.T, to string, networks []pion.NetworkType, through func(answer string) string) {
	t.Helper()
	var e pion.SettingEngine
	e.SetIncludeLoopbackCandidate(true)
	e.SetNetworkTypes(networks)
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	options := []func(*pion.API){pion.WithSettingEngine(e)}
	if w.only != nil {
		var m pion.MediaEngine
		var interceptors interceptor.Registry
		require.NoError(t, m.RegisterCodec(*w.only, w.local.Kind()))
		require.NoError(t, pion.RegisterDefaultInterceptors(&m, &interceptors))
		options = append(options, pion.WithMediaEngine(&m), pion.WithInterceptorRegistry(&interceptors))
	}
	var err error
	w.pc, err = pion.NewAPI(options...).NewPeerConnection(pion.Configuration{})
	require.NoError(t, err)
	t.Cleanup(func() { _ = w.pc.GracefulClose() })
	sender, err := w.pc.AddTrack(w.local)
	require.NoError(t, err)
	go func() { // requests for lost packets are answered within the reads
		for buf := make([]byte, 1500); ; {
			if _, _, err := sender.Read(buf); err != nil {
				return
			}
		}
	}()
	connected := make(chan struct{})
	w.pc.OnConnectionStateChange(func(s pion.PeerConnectionState) {
		if s == pion.PeerConnectionStateConnected {
			close(connected)
		}
	})
	offer, err := w.pc.CreateOffer(nil)
	require.NoError(t, err)
	require.NoError(t, w.pc.SetLocalDescription(offer))
	res, err := http.Post(to, "application/sdp", strings.NewReader(offer.SDP))
	require.NoError(t, err)
	answer, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	_ = res.Body.Close()
	require.Equal(t, http.StatusCreated, res.StatusCode, "%s", answer)
	at, err := url.Parse(to)
	require.NoError(t, err)
	w.session = at.ResolveReference(&url.URL{Path: res.Header.Get("Location")}).String()
	if through != nil {
		answer = []byte(through(string(answer)))
	}
	require.NoError(t, w.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: string(answer)}))
	select {
	case <-connected:
	case <-time.After(patience):
		require.Fail(t, "the client does not connect", "%s", answer)
	}
}

// send sends all pictures, one each pace.
func (w *whipTrack) send(t *testing.T, pace time.Duration) {
	t.Helper()
	next := time.NewTicker(pace)
	defer next.Stop()
	for _, packets := range w.packets {
		for _, p := range packets {
			require.NoError(t, w.local.WriteRTP(p))
		}
		<-next.C
	}
}

// leave ends the session.
func (w *whipTrack) leave(t *testing.T) {
	t.Helper()
	req, err := http.NewRequest(http.MethodDelete, w.session, nil)
	require.NoError(t, err)
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	_ = res.Body.Close()
	require.Equal(t, http.StatusOK, res.StatusCode)
}

// roughRelay passes datagrams between one client and a server over a rough network, both ways. It returns its address.
func roughRelay(t *testing.T, network *roughNetwork, server string) *net.UDPAddr {
	t.Helper()
	var ends [2]net.PacketConn // towards the client, and the server
	for i := range ends {
		var err error
		ends[i], err = network.listen("udp", "127.0.0.1:0")
		require.NoError(t, err)
		t.Cleanup(func() { _ = ends[i].Close() })
	}
	to, err := net.ResolveUDPAddr("udp", server)
	require.NoError(t, err)
	client := make(chan net.Addr, 1)
	go func() {
		buf := make([]byte, 2048)
		for known := false; ; {
			n, from, err := ends[0].ReadFrom(buf)
			if err != nil {
				return
			}
			if !known {
				known = true
				client <- from
			}
			_, _ = ends[1].WriteTo(buf[:n], to)
		}
	}()
	go func() {
		buf := make([]byte, 2048)
		var back net.Addr
		for {
			n, _, err := ends[1].ReadFrom(buf)
			if err != nil {
				return
			}
			if back == nil {
				back = <-client
			}
			_, _ = ends[0].WriteTo(buf[:n], back)
		}
	}()
	return ends[0].LocalAddr().(*net.UDPAddr)
}

var udpCandidate = regexp.MustCompile(`(a=candidate:\S+ \d udp \d+) 127\.0\.0\.1 (\d+)`)

// requireAll fails unless the recording of a stream has each picture of a track.
func (r *recorder) requireAll(t *testing.T, stream string, pictures *rtsptest.Track) {
	t.Helper()
	var got rtsptest.Track
	records := r.awaitRecords(stream, 1)
	require.Len(t, records, 1)
	c, err := rtsptest.ReadFile(r.path(records[0].File))
	require.NoError(t, err)
	got = c.Tracks[0]
	m, err := pictures.Match(&got)
	require.NoError(t, err)
	require.Zero(t, m.From)
	require.Empty(t, m.Missing)
	require.Equal(t, len(pictures.Units), m.Count)
}

func plainH264(t *testing.T) *rtsptest.Track {
	t.Helper()
	file := clip(t, "whip.mp4", append(lavfi(), "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "baseline", "-g", "25", "-pix_fmt", "yuv420p", "-an")...)
	source, err := rtsptest.ReadFile(file)
	require.NoError(t, err)
	return &source.Tracks[0]
}

// Of a client whose datagrams and those to it get lost, overtake each other and arrive late, nothing is lost: lost packets are
// requested until they come.
func TestWHIPLosesNothingOnARoughNetwork(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	pictures := plainH264(t)
	network := &roughNetwork{loss: 0.05, jitter: 30 * time.Millisecond, random: rand.New(rand.NewPCG(seed, 0))}
	r := serve(t, "")
	const stream = "live/rough"
	r.start(stream, "?wait=true")
	w := newWhipTrack(t, pictures)
	w.connect(t, r.api+"/whip/"+stream, []pion.NetworkType{pion.NetworkTypeUDP4}, func(answer string) string {
		port := udpCandidate.FindStringSubmatch(answer)
		require.NotNil(t, port, "%s", answer)
		relay := roughRelay(t, network, "127.0.0.1:"+port[2])
		return udpCandidate.ReplaceAllString(answer, "$1 127.0.0.1 "+strconv.Itoa(relay.Port))
	})
	w.send(t, 40*time.Millisecond)
	w.flush(t, r, stream)
	w.leave(t)
	r.stop(stream)
	r.requireAll(t, stream, pictures)
	require.Empty(t, r.stream(stream).Drops)
	network.mu.Lock()
	defer network.mu.Unlock()
	require.Positive(t, network.lost)
	t.Logf("%d of %d datagrams were lost", network.lost, network.sent)
}

// A client that cannot use UDP publishes by TCP.
func TestWHIPByTCP(t *testing.T) {
	t.Parallel()
	pictures := plainH264(t)
	r := serve(t, "")
	const stream = "live/tcp"
	r.start(stream, "?wait=true")
	w := newWhipTrack(t, pictures)
	w.connect(t, r.api+"/whip/"+stream, []pion.NetworkType{pion.NetworkTypeTCP4}, nil)
	w.send(t, 5*time.Millisecond)
	w.flush(t, r, stream)
	w.leave(t)
	r.stop(stream)
	r.requireAll(t, stream, pictures)
	require.Empty(t, r.stream(stream).Drops)
}

// flush sends the last picture's successors, which are no pictures, until the packets before them are recorded: a receiver knows of a
// lost packet by those behind it.
func (w *whipTrack) flush(t *testing.T, r *recorder, stream string) {
	t.Helper()
	last := w.packets[len(w.packets)-1]
	p := *last[len(last)-1]
	p.Payload, p.Marker = nil, false
	eventually(t, "the last picture arrives", func() bool {
		p.SequenceNumber++
		require.NoError(t, w.local.WriteRTP(&p)) // padding alone (RFC 3550, 5.1)
		return int(r.stream(stream).AccessUnits) == len(w.packets)
	})
}
