package webrtc

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/ice/v4"
	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds events that must happen at all; it measures no speed.
const patience = time.Minute

const path = "live/a"

// fixture is a server with a hub, behind an HTTP server.
type fixture struct {
	t      *testing.T
	hub    *hub.Hub
	tasks  *pipeline.Tasks
	book   *pipelinetest.Log
	server *Server
	http   *httptest.Server
	stop   func() // of the server
}

func newFixture(t *testing.T, change ...func(*Settings, *ingest.ServerDeps)) *fixture {
	t.Helper()
	f := &fixture{t: t, book: &pipelinetest.Log{}}
	log := slog.New(slog.NewTextHandler(f.book, &slog.HandlerOptions{Level: slog.LevelDebug}))
	f.tasks = pipeline.NewTasks(log, pipeline.SystemClock)
	f.hub = hub.New(pipelinetest.Pool(t), f.tasks, hub.Config{Log: log, Linger: time.Millisecond, ServesReaders: true})
	s := Settings{ServerSettings: ingest.DefaultServerSettings("127.0.0.1:0"), ConnectTimeout: config.Duration(patience)}
	d := ingest.ServerDeps{Hub: f.hub, Readers: ingest.Readers{Allowed: true}, Tasks: f.tasks, Clock: pipeline.SystemClock, Log: log}
	for _, c := range change {
		c(&s, &d)
	}
	f.server = New(s, d)
	f.stop = f.tasks.Go("webrtc", f.server.Run)
	<-f.server.Ready()
	f.http = httptest.NewServer(http.HandlerFunc(f.serve))
	t.Cleanup(func() {
		http.DefaultClient.CloseIdleConnections()
		f.http.Close()
		f.hub.Close()
		require.NoError(t, f.tasks.Stop(context.Background()))
		if t.Failed() {
			t.Log(f.book.String())
		}
	})
	return f
}

// serve passes requests on as the API does.
func (f *fixture) serve(w http.ResponseWriter, r *http.Request) {
	which, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	at := strings.LastIndexByte(rest, '/')
	var err error
	switch {
	case r.Method == http.MethodPatch:
		err = f.server.Change(w, r, rest[:at], rest[at+1:])
	case r.Method == http.MethodDelete:
		err = f.server.Leave(w, rest[:at], rest[at+1:])
	case which == "whip":
		err = f.server.Offer(w, r, ingest.ActionPublish, rest, "")
	default:
		err = f.server.Offer(w, r, ingest.ActionPlay, rest, "")
	}
	if refusal := (*ingest.Refusal)(nil); errors.As(err, &refusal) {
		http.Error(w, refusal.Reason, refusal.Status)
	} else if err != nil {
		http.Error(w, "no refusal: "+err.Error(), http.StatusInternalServerError)
	}
}

// response is a response of the server.
type response struct {
	*http.Response
	text string
}

// ask sends a request to the server. A URL without a host is one of the server.
func (f *fixture) ask(method, to, contentType, body string) response {
	f.t.Helper()
	at, err := url.Parse(f.http.URL)
	require.NoError(f.t, err)
	req, err := http.NewRequest(method, at.ResolveReference(&url.URL{Path: to}).String(), strings.NewReader(body))
	require.NoError(f.t, err)
	req.Header.Set("Content-Type", contentType)
	res, err := http.DefaultClient.Do(req)
	require.NoError(f.t, err)
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	require.NoError(f.t, err)
	return response{res, string(text)}
}

// eventually waits for a condition.
func (f *fixture) eventually(what string, ok func() bool) {
	f.t.Helper()
	require.Eventually(f.t, ok, patience, 5*time.Millisecond, what)
}

// client is a client by pion.
type client struct {
	f    *fixture
	pc   *pion.PeerConnection
	seen chan pion.PeerConnectionState
	res  response // to the offer
}

func (f *fixture) client() *client {
	f.t.Helper()
	var e pion.SettingEngine
	e.SetIncludeLoopbackCandidate(true)
	e.SetNetworkTypes([]pion.NetworkType{pion.NetworkTypeUDP4})
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	pc, err := pion.NewAPI(pion.WithSettingEngine(e)).NewPeerConnection(pion.Configuration{})
	require.NoError(f.t, err)
	f.t.Cleanup(func() { _ = pc.GracefulClose() })
	c := &client{f: f, pc: pc, seen: make(chan pion.PeerConnectionState, 64)}
	pc.OnConnectionStateChange(func(s pion.PeerConnectionState) { c.seen <- s })
	return c
}

// sends adds a track of a codec to the client, whose packets the test writes.
func (c *client) sends(mime string, clock uint32) *pion.TrackLocalStaticRTP {
	c.f.t.Helper()
	capability := pion.RTPCodecCapability{MimeType: mime, ClockRate: clock}
	if mime == pion.MimeTypeOpus {
		capability.Channels = 2
	}
	track, err := pion.NewTrackLocalStaticRTP(capability, mime, "camera")
	require.NoError(c.f.t, err)
	_, err = c.pc.AddTrack(track)
	require.NoError(c.f.t, err)
	return track
}

// receives makes the client offer to play.
func (c *client) receives(kinds ...pion.RTPCodecType) {
	c.f.t.Helper()
	for _, kind := range kinds {
		_, err := c.pc.AddTransceiverFromKind(kind, pion.RTPTransceiverInit{Direction: pion.RTPTransceiverDirectionRecvonly})
		require.NoError(c.f.t, err)
	}
}

// offer posts the offer of the client, and takes the answer if there is one.
func (c *client) offer(to string) response {
	c.f.t.Helper()
	offer, err := c.pc.CreateOffer(nil)
	require.NoError(c.f.t, err)
	require.NoError(c.f.t, c.pc.SetLocalDescription(offer))
	c.res = c.f.ask(http.MethodPost, to, sdpType, offer.SDP)
	if c.res.StatusCode == http.StatusCreated {
		require.NoError(c.f.t, c.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: c.res.text}))
	}
	return c.res
}

// until waits for a state of the connection.
func (c *client) until(want ...pion.PeerConnectionState) {
	c.f.t.Helper()
	late := time.After(patience)
	for {
		select {
		case s := <-c.seen:
			if slices.Contains(want, s) {
				return
			}
		case <-late:
			require.Fail(c.f.t, "the connection is never "+fmt.Sprint(want), "%s", c.res.text)
		}
	}
}

// ended waits until the log says that a session has ended for a reason.
func (f *fixture) ended(reason string) {
	f.t.Helper()
	f.eventually("a session ends: "+reason, func() bool {
		for line := range strings.Lines(f.book.String()) {
			if strings.Contains(line, "webrtc session ends") && strings.Contains(line, reason) {
				return true
			}
		}
		return false
	})
	f.eventually("its client has left", func() bool { return len(f.server.Connections()) == 0 })
}

// camera publishes a stream of pictures without B-frames, and sound.
type camera struct {
	f    *fixture
	pub  *hub.Publisher
	next int64
}

func (f *fixture) camera(tracks ...media.Track) *camera {
	f.t.Helper()
	pub, err := f.hub.Publish(path, hub.PublishOptions{Origin: "test"})
	require.NoError(f.t, err)
	require.NoError(f.t, pub.SetTracks(tracks))
	f.t.Cleanup(func() { pub.Close(endcause.SourceLost) })
	return &camera{f: f, pub: pub}
}

// picture sends a picture of track 0, which is shown so many pictures later than it is decoded.
func (c *camera) picture(later int64) []byte {
	c.f.t.Helper()
	content := append([]byte{0x65}, bytes.Repeat([]byte{byte(c.next) | 0x80}, 3000)...)
	c.write(0, c.next*3600, (c.next+later)*3600, c.next%10 == 0, content)
	c.next++
	return content
}

func (c *camera) write(track int, dts, pts int64, sync bool, content []byte) {
	c.f.t.Helper()
	utc := pipelinetest.StartUTC + c.next*40_000_000
	require.NoError(c.f.t, c.pub.Write(track, &media.AU{DTS: dts, PTS: pts, UTC: utc, MonoNS: utc, Sync: sync, Payload: [][]byte{content}}))
}
