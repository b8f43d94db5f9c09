package rtsp

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtph264"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmpeg4audio"
	pion "github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/egress/egresstest"
	"github.com/gospool/spool/stages/ingest"
)

// stage is a server that plays the stream of a camera.
type stage struct {
	*egresstest.Camera
	*Server
	t *testing.T
}

func newStage(t *testing.T, cfg Config) *stage {
	t.Helper()
	s := &stage{Camera: egresstest.New(t), t: t}
	book := &pipelinetest.Log{}
	log := slog.New(slog.NewTextHandler(book, &slog.HandlerOptions{Level: slog.LevelDebug}))
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(book.String())
		}
	})
	cfg.Listen, cfg.Readers.Allowed = "127.0.0.1:0", true
	s.Server = New(cfg, s.Hub, log)
	s.Tasks.Go("rtsp", s.Run)
	<-s.Ready()
	return s
}

// viewer is a client that plays a stream, and keeps what it gets.
type viewer struct {
	*gortsplib.Client
	t     *testing.T
	desc  *description.Session
	video *description.Media

	mu      sync.Mutex
	units   [2][][]byte // in mdat form, without parameter sets
	sets    [][]byte    // parameter sets
	stamps  []uint32    // RTP times of the pictures
	utc     []time.Time // wall clocks of the pictures
	changed chan struct{}
}

func (s *stage) view(rawURL string, by gortsplib.Protocol) *viewer {
	s.t.Helper()
	u, err := base.ParseURL(rawURL)
	require.NoError(s.t, err)
	v := &viewer{t: s.t, changed: make(chan struct{}, 1), Client: &gortsplib.Client{
		Scheme: u.Scheme, Host: u.Host, Protocol: &by, TLSConfig: &tls.Config{InsecureSkipVerify: true}, // #nosec G402
	}}
	require.NoError(s.t, v.Start())
	s.t.Cleanup(v.Close)
	v.desc, _, err = v.Describe(u)
	require.NoError(s.t, err)
	require.NoError(s.t, v.SetupAll(v.desc.BaseURL, v.desc.Medias))
	v.listen()
	_, err = v.Play(nil)
	require.NoError(s.t, err)
	return v
}

func (v *viewer) listen() {
	var pictures *format.H264
	v.video = v.desc.FindFormat(&pictures)
	picture, err := pictures.CreateDecoder()
	require.NoError(v.t, err)
	v.OnPacketRTP(v.video, pictures, func(p *pion.Packet) { v.picture(picture, p) })
	var sound *format.MPEG4Audio
	section := v.desc.FindFormat(&sound)
	frame, err := sound.CreateDecoder()
	require.NoError(v.t, err)
	v.OnPacketRTP(section, sound, func(p *pion.Packet) { v.sound(frame, p) })
}

func (v *viewer) picture(d *rtph264.Decoder, p *pion.Packet) {
	at, known := v.PacketNTP(v.video, p)
	nals, err := d.Decode(p)
	if err != nil {
		return // more packets are needed
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, nal := range nals {
		if kind := nal[0] & 0x1f; kind == 7 || kind == 8 {
			v.sets = append(v.sets, slices.Clone(nal))
			continue
		}
		unit := append([]byte{0, 0, byte(len(nal) >> 8), byte(len(nal))}, nal...)
		v.units[0], v.stamps = append(v.units[0], unit), append(v.stamps, p.Timestamp)
		if known {
			v.utc = append(v.utc, at)
		}
	}
	v.tell()
}

func (v *viewer) sound(d *rtpmpeg4audio.Decoder, p *pion.Packet) {
	frames, err := d.Decode(p)
	if err != nil {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, f := range frames {
		v.units[1] = append(v.units[1], slices.Clone(f))
	}
	v.tell()
}

func (v *viewer) tell() {
	select {
	case v.changed <- struct{}{}:
	default:
	}
}

// await waits until the viewer has n units.
func (v *viewer) await(n int) (units [2][][]byte) {
	v.t.Helper()
	late := time.After(deadline)
	for {
		v.mu.Lock()
		units = [2][][]byte{slices.Clone(v.units[0]), slices.Clone(v.units[1])}
		v.mu.Unlock()
		if len(units[0])+len(units[1]) >= n {
			return units
		}
		select {
		case <-v.changed:
		case <-late:
			v.t.Fatalf("%d pictures and %d frames of sound of %d units", len(units[0]), len(units[1]), n)
		}
	}
}

// reading waits until n clients read.
func (s *stage) reading(n int) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return s.Counts().Reading == n }, deadline, time.Millisecond)
}

func TestAReaderGetsAllUnits(t *testing.T) {
	for name, c := range map[string]struct {
		by     gortsplib.Protocol
		secure bool
	}{"tcp": {gortsplib.ProtocolTCP, false}, "udp": {gortsplib.ProtocolUDP, false}, "rtsps": {gortsplib.ProtocolTCP, true}} {
		t.Run(name, func(t *testing.T) {
			cfg := Config{}
			if c.by == gortsplib.ProtocolUDP {
				cfg.UDP = freeUDPPair(t)
			}
			if c.secure {
				dir := t.TempDir()
				cfg.TLS = TLS{Listen: "127.0.0.1:0", Cert: dir + "/cert.pem", Key: dir + "/key.pem"}
				certify(t, cfg.TLS, 1)
			}
			s := newStage(t, cfg)
			s.Publish(640)
			s.Shoot(1, 50)
			at := "rtsp://" + s.Addr().String()
			if c.secure {
				at = "rtsps://" + s.EncryptedAddr().String()
			}
			v := s.view(at+"/"+egresstest.Path+"?quality=high", c.by)
			s.reading(1)
			v.await(1)
			for range 33 { // no more at once than a socket takes
				s.Shoot(3, 50)
				v.await(s.Units())
			}
			s.Leave()
			got := v.await(s.Units())
			require.Equal(t, s.Sent[0], got[0])
			require.Equal(t, s.Sent[1], got[1])
			v.mu.Lock()
			for i, stamp := range v.stamps {
				require.Equal(t, uint32(3600*(i+i%3)), stamp-v.stamps[0], "times are those of presentation")
			}
			require.Len(t, v.sets, 4, "both parameter sets precede each of both key frames")
			require.Greater(t, len(v.utc), 50, "all behind an early report")
			require.WithinDuration(t, time.Unix(0, egresstest.StartUTC+99*40e6), v.utc[len(v.utc)-1], time.Millisecond)
			v.mu.Unlock()
			list := s.Connections()
			require.Len(t, list, 1)
			require.Equal(t, media.ConnectionReading, list[0].State)
			require.Equal(t, egresstest.Path, list[0].Path)
			require.Greater(t, list[0].Sent, uint64(300_000))
			require.Zero(t, list[0].Skipped)

			s.Publish(640) // another publisher of the same tracks
			for range 10 {
				s.Shoot(5, 50)
				v.await(s.Units())
			}
			s.Leave()
			got = v.await(s.Units())
			require.Equal(t, s.Sent[0], got[0])
			v.mu.Lock()
			require.Equal(t, uint32(4*90000), v.stamps[100]-v.stamps[0], "the time line goes on by the wall clock")
			v.mu.Unlock()

			v.Close()
			s.reading(0)
		})
	}
}

// Other tracks end the reader, whose client then describes the stream anew.
func TestOtherTracksEndAReader(t *testing.T) {
	s := newStage(t, Config{})
	s.Publish(640)
	s.Shoot(1, 50)
	v := s.view("rtsp://"+s.Addr().String()+"/"+egresstest.Path, gortsplib.ProtocolTCP)
	s.Shoot(49, 50)
	v.await(50)
	s.SetSound(16000)
	s.Next, s.Sound = 50, 32000 // no sound before the key frame
	s.Shoot(60, 50)
	require.Error(t, v.Wait())
	s.reading(0)
	s.Leave()
}

func TestAReaderPauses(t *testing.T) {
	s := newStage(t, Config{})
	s.Publish(640)
	defer s.Leave()
	s.Shoot(1, 50)
	v := s.view("rtsp://"+s.Addr().String()+"/"+egresstest.Path, gortsplib.ProtocolTCP)
	s.Shoot(10, 50)
	before := len(v.await(s.Units())[0])
	_, err := v.Pause()
	require.NoError(t, err)
	s.reading(0)
	s.Shoot(60, 50) // no client gets these, except the newest GOP
	_, err = v.Play(nil)
	require.NoError(t, err)
	s.reading(1)
	s.Shoot(30, 50)
	require.Eventually(t, func() bool {
		v.mu.Lock()
		defer v.mu.Unlock()
		return slices.ContainsFunc(v.units[0], func(u []byte) bool { return string(u) == string(s.Sent[0][len(s.Sent[0])-1]) })
	}, deadline, time.Millisecond)
	v.mu.Lock()
	defer v.mu.Unlock()
	require.Equal(t, s.Sent[0][:before], v.units[0][:before])
	require.NotContains(t, v.units[0][before:], s.Sent[0][before], "the GOP of before the pause is over")
}

// plays plays the pictures of the stream over a plain connection.
func (s *stage) plays() *talk {
	s.t.Helper()
	k, at := dial(s.t, s.Addr().String()), "rtsp://"+s.Addr().String()+"/"+egresstest.Path
	require.Equal(s.t, "200 OK", k.ask("SETUP", at+"/trackID=0", setupPlay))
	require.Equal(s.t, "200 OK", k.ask("PLAY", at, "Session: "+k.session))
	s.reading(1)
	return k
}

// A client that takes nothing for a while delays no other. It loses whole GOPs, is told so, and gets what follows.
func TestASlowReaderLosesWholeGOPs(t *testing.T) {
	s := newStage(t, Config{WriteTimeout: deadline})
	s.Publish(640)
	defer s.Leave()
	s.Shoot(1, 50)
	k := s.plays()
	s.Shoot(10_000, 50) // more than the sockets hold
	d, err := (&format.H264{PayloadTyp: 96, PacketizationMode: 1}).CreateDecoder()
	require.NoError(t, err)
	last := s.Sent[0][len(s.Sent[0])-1][4:]
	next, gaps, expected := -1, 0, -1
	for {
		k.anew()
		var f base.InterleavedFrame
		require.NoError(t, f.Unmarshal(k.in))
		if f.Channel != 0 {
			continue
		}
		var p pion.Packet
		require.NoError(t, p.Unmarshal(f.Payload))
		if expected >= 0 && uint16(expected) != p.SequenceNumber {
			gaps++
		}
		expected = int(p.SequenceNumber) + 1
		nals, err := d.Decode(&p)
		if err != nil {
			continue
		}
		picture := nals[len(nals)-1]
		n := slices.IndexFunc(s.Sent[0][max(next, 0):], func(u []byte) bool { return string(u[4:]) == string(picture) }) + max(next, 0)
		require.True(t, n == next || n%50 == 0, "picture %d in place of %d", n, next)
		next = n + 1
		if string(picture) == string(last) {
			break
		}
	}
	require.Positive(t, gaps)
	require.Positive(t, s.Connections()[0].Skipped)
}

func TestAReaderThatTakesNothingIsGivenUp(t *testing.T) {
	s := newStage(t, Config{WriteTimeout: 50 * time.Millisecond})
	s.Publish(640)
	defer s.Leave()
	s.Shoot(1, 50)
	s.plays()
	for s.Counts().Reading > 0 {
		s.Shoot(500, 50)
	}
}

// The time in which a client must take something begins anew with each batch.
func TestAReaderThatTakesAllStays(t *testing.T) {
	const within = time.Second
	s := newStage(t, Config{WriteTimeout: within})
	s.Publish(640)
	defer s.Leave()
	s.Shoot(1, 50)
	v := s.view("rtsp://"+s.Addr().String()+"/"+egresstest.Path, gortsplib.ProtocolTCP)
	time.Sleep(within + 100*time.Millisecond)
	s.Shoot(10, 50)
	v.await(s.Units())
}

// A client of UDP that closes its connection gets nothing any more, and its ports are free.
func TestAReaderByUDPThatLeaves(t *testing.T) {
	s := newStage(t, Config{UDP: freeUDPPair(t)})
	s.Publish(640)
	defer s.Leave()
	s.Shoot(1, 50)
	at := "rtsp://" + s.Addr().String() + "/" + egresstest.Path
	for range 2 {
		k := dial(t, s.Addr().String())
		require.Equal(t, "200 OK", k.ask("SETUP", at+"/trackID=0", "Transport: RTP/AVP;unicast;client_port=30002-30003"))
		require.Equal(t, "200 OK", k.ask("PLAY", at, "Session: "+k.session))
		s.reading(1)
		_ = k.c.Close()
		s.reading(0)
		require.Eventually(t, func() bool { return !s.ports.has(netip.MustParseAddrPort("127.0.0.1:30002")) }, deadline, time.Millisecond)
	}
}

// A client pauses and plays again at once, again and again, and sets up another track meanwhile.
func TestAReaderThatPausesOften(t *testing.T) {
	s := newStage(t, Config{})
	s.Publish(640)
	defer s.Leave()
	s.Shoot(1, 50)
	k, at := dial(t, s.Addr().String()), "rtsp://"+s.Addr().String()+"/"+egresstest.Path
	require.Equal(t, "200 OK", k.answered("SETUP", at+"/trackID=0", setupPlay))
	for i := range 20 {
		require.Equal(t, "200 OK", k.answered("PLAY", at, "Session: "+k.session))
		s.Shoot(3, 50)
		require.Equal(t, "200 OK", k.answered("PAUSE", at, "Session: "+k.session))
		if i == 10 {
			require.Equal(t, "200 OK", k.answered("SETUP", at+"/trackID=1", "Session: "+k.session, "Transport: RTP/AVP/TCP;unicast;interleaved=2-3"))
		}
	}
}

// closing is a gate with one place, which closes.
type closing struct {
	taken  atomic.Int32
	closed atomic.Bool
}

func (g *closing) Serves(string, string) error {
	if g.closed.Load() {
		return &egress.NotServedError{Reason: "no pipeline serves it"}
	}
	return nil
}

func (g *closing) Enter(output, path string) (func(), error) {
	g.taken.Add(1)
	return func() { g.taken.Add(-1) }, g.Serves(output, path)
}

// A reader that pauses gives its place at the gate up, and asks for one again.
func TestAPausedReaderAsksTheGateAgain(t *testing.T) {
	var g closing
	s := newStage(t, Config{Readers: ingest.Readers{Allowed: true, Gate: &g}})
	s.Publish(640)
	defer s.Leave()
	s.Shoot(1, 50)
	k, at := s.plays(), "rtsp://"+s.Addr().String()+"/"+egresstest.Path
	require.Equal(t, int32(1), g.taken.Load())
	require.Equal(t, "200 OK", k.answered("PAUSE", at, "Session: "+k.session))
	require.Zero(t, g.taken.Load())
	require.Equal(t, "200 OK", k.answered("PLAY", at, "Session: "+k.session))
	require.Equal(t, int32(1), g.taken.Load())
	require.Equal(t, "200 OK", k.answered("PAUSE", at, "Session: "+k.session))
	g.closed.Store(true)
	require.Equal(t, "404 Stream Is Not Served By RTSP", k.answered("PLAY", at, "Session: "+k.session))
}

// answered is ask for a client that plays: it skips the packets before the response.
func (k *talk) answered(method, url string, headers ...string) string {
	k.t.Helper()
	k.anew()
	k.n++
	_, err := fmt.Fprintf(k.c, "%s %s RTSP/1.0\r\nCSeq: %d\r\n%s\r\n", method, url, k.n, strings.Join(append(headers, ""), "\r\n"))
	require.NoError(k.t, err)
	for {
		b, err := k.in.Peek(1)
		require.NoError(k.t, err)
		if b[0] != '$' {
			break
		}
		var f base.InterleavedFrame
		require.NoError(k.t, f.Unmarshal(k.in))
	}
	var res base.Response
	require.NoError(k.t, res.Unmarshal(k.in))
	if s := res.Header["Session"]; len(s) > 0 {
		k.session, _, _ = strings.Cut(s[0], ";")
	}
	return fmt.Sprintf("%d %s", res.StatusCode, res.StatusMessage)
}

func TestRequestsToPlayThatAreRefused(t *testing.T) {
	allow := asks(func(_ context.Context, q ingest.AccessRequest) error {
		if c := q.Credentials; q.Action == ingest.ActionPlay && c.Name == "ann" && c.Password == "secret" && q.Path == egresstest.Path {
			return nil
		}
		return context.Canceled
	})
	s := newStage(t, Config{Authorizer: allow, Readers: ingest.Readers{Max: 1}})
	s.Publish(640)
	defer s.Leave()
	s.Shoot(1, 50)
	at := "rtsp://" + s.Addr().String() + "/"
	ann := basic("ann", "secret")
	for _, c := range []struct {
		method, path, want string
		headers            []string
	}{
		{"DESCRIBE", egresstest.Path, "200 OK", []string{ann}},
		{"DESCRIBE", egresstest.Path, "401 Unauthorized", nil},
		{"DESCRIBE", egresstest.Path, "401 Unauthorized", []string{basic("ann", "wrong")}},
		{"DESCRIBE", "live/b", "401 Unauthorized", []string{ann}},
		{"SETUP", egresstest.Path + "/trackID=0", "401 Unauthorized", []string{setupPlay}},
		{"SETUP", egresstest.Path + "/trackID=0", "200 OK", []string{setupPlay, ann}},
		{"SETUP", egresstest.Path + "/trackID=7", "404 No Such Track Was Described", []string{setupPlay, ann}},
		{"DESCRIBE", egresstest.Path, "551 Option Not Supported", []string{ann, "Require: www.onvif.org/ver20/backchannel"}},
		{"SETUP", egresstest.Path + "/trackID=0", "551 Option Not Supported", []string{setupPlay, ann, "Require: onvif-replay"}},
	} {
		k := dial(t, s.Addr().String())
		require.Equal(t, c.want, k.ask(c.method, at+c.path, c.headers...), "%s %s %v", c.method, c.path, c.headers)
	}
	s.view(strings.Replace(at, "://", "://ann:secret@", 1)+egresstest.Path, gortsplib.ProtocolTCP)
	s.reading(1)
	k := dial(t, s.Addr().String())
	require.Equal(t, "200 OK", k.ask("SETUP", at+egresstest.Path+"/trackID=0", setupPlay, ann))
	require.Equal(t, "503 Service Unavailable", k.ask("PLAY", at+egresstest.Path, "Session: "+k.session))
	require.Equal(t, uint64(3), s.Counts().Readers)
}

const setupPlay = "Transport: RTP/AVP/TCP;unicast;interleaved=0-1"

func TestAStreamThatIsNotLiveIsNotDescribed(t *testing.T) {
	s := newStage(t, Config{})
	at := "rtsp://" + s.Addr().String() + "/"
	for path, want := range map[string]string{"live/none": "404 Stream Is Not Live", "live/..": "400 Bad Stream Path"} {
		require.Equal(t, want, dial(t, s.Addr().String()).ask("DESCRIBE", at+path))
	}
}
