package webrtc

import (
	"context"
	"encoding/base64"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"
	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/live"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest"
)

// film sends pictures of H.264, each in a packet.
type film struct {
	f     *fixture
	track *pion.TrackLocalStaticRTP
	next  uint16 // number of the next packet
	shot  uint32 // pictures
}

func (m *film) packet(at uint32, marker bool, payload []byte) {
	m.f.t.Helper()
	require.NoError(m.f.t, m.track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: m.next, Timestamp: at, Marker: marker}, Payload: payload}))
	m.next++
}

// picture sends a key frame, and returns its slice.
func (m *film) picture() []byte {
	at := m.shot * 3600
	m.shot++
	for _, set := range pipelinetest.AVC(640, 360).ParameterSets {
		m.packet(at, false, set)
	}
	slice := []byte{0x65, 0x88, 0x84, byte(m.shot-1) | 0x80, 1, 2, 3}
	m.packet(at, true, slice)
	return slice
}

// publish connects a client that publishes pictures.
func (f *fixture) publish() (*client, *film) {
	f.t.Helper()
	c := f.client()
	m := &film{f: f, track: c.sends(pion.MimeTypeH264, 90000)}
	res := c.offer("/whip/" + path)
	require.Equal(f.t, http.StatusCreated, res.StatusCode, res.text)
	c.until(pion.PeerConnectionStateConnected)
	return c, m
}

// state returns the state of the only connection.
func (f *fixture) state() (s media.ConnectionState) {
	if list := f.server.Connections(); len(list) == 1 {
		s = list[0].State
	}
	return s
}

func TestAClientPublishes(t *testing.T) {
	f := newFixture(t)
	units, err := f.hub.Read(path, live.Options{})
	require.NoError(t, err)
	defer units.Close()
	c, m := f.publish()
	f.eventually("it publishes", func() bool { return f.state() == media.ConnectionPublishing })
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 40 { // the first packets wait for earlier ones
		m.picture()
	}
	u, err := units.Take(ctx)
	require.NoError(t, err)
	require.True(t, u.Sync)
	require.Equal(t, 640, u.Set.Tracks[0].Width)
	require.Equal(t, http.StatusOK, f.ask(http.MethodDelete, c.res.Header.Get("Location"), "", "").StatusCode)
	f.ended("the client has left")
	for u.End == "" {
		u, err = units.Take(ctx)
		require.NoError(t, err)
	}
	require.Equal(t, media.Cause("source_lost"), u.End)
}

func TestWhoMayNotPublish(t *testing.T) {
	f := newFixture(t)
	res := f.ask(http.MethodPost, "/whip/"+path, sdpType, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\nm=video 9 UDP/TLS/RTP/SAVPF 96\r\na=rtpmap:96 VP8/90000\r\n")
	require.Equal(t, http.StatusUnsupportedMediaType, res.StatusCode)
	require.Contains(t, res.text, "(vp8)")
	_, m := f.publish()
	for range 40 {
		m.picture()
	}
	f.eventually("media comes", func() bool { return !f.live() })
	c := f.client()
	c.sends(pion.MimeTypeH264, 90000)
	res = c.offer("/whip/" + path)
	require.Equal(t, http.StatusConflict, res.StatusCode)
	require.Contains(t, res.text, "publisher already")
}

// live reports whether a reader finds no media of the stream.
func (f *fixture) live() bool {
	units, err := f.hub.Read(path, live.Options{})
	require.NoError(f.t, err)
	defer units.Close()
	u, _ := units.Poll()
	return u == nil
}

// users permits ann, with the password secret, to publish live/a.
type users struct{}

func (users) Authorize(_ context.Context, r ingest.AccessRequest) error {
	if r.Credentials != (ingest.Credentials{Name: "ann", Password: "secret"}) || r.Path != path || r.Action != ingest.ActionPublish || r.Protocol != "webrtc" {
		return errors.New("not permitted")
	}
	return nil
}

// Where the HTTP server knows no users, those of ingest.auth publish, by Basic or with a bearer token.
func TestUsersOfIngestPublish(t *testing.T) {
	f := newFixture(t, func(_ *Settings, d *ingest.ServerDeps) { d.Authorizer = users{} })
	c := f.client()
	c.sends(pion.MimeTypeH264, 90000)
	res := c.offer("/whip/" + path)
	require.Equal(t, http.StatusUnauthorized, res.StatusCode)
	require.NotEmpty(t, res.Header.Get("WWW-Authenticate"))
	for header, code := range map[string]int{
		"Bearer ann:secret": http.StatusBadRequest, "Basic " + base64.StdEncoding.EncodeToString([]byte("ann:secret")): http.StatusBadRequest,
		"Bearer ann:wrong": http.StatusUnauthorized, "Bearer ann": http.StatusUnauthorized, "Digest ann": http.StatusUnauthorized,
	} {
		req, err := http.NewRequest(http.MethodPost, f.http.URL+"/whip/"+path, strings.NewReader("no offer"))
		require.NoError(t, err)
		req.Header.Set("Content-Type", sdpType)
		req.Header.Set("Authorization", header)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		_ = res.Body.Close()
		require.Equal(t, code, res.StatusCode, header)
	}
}

// Each session ends, and says why.
func TestEndsOfSessions(t *testing.T) {
	t.Run("by request", func(t *testing.T) {
		f := newFixture(t)
		c, _ := f.publish()
		require.True(t, f.server.End(1))
		f.ended("closed by request")
		c.until(pion.PeerConnectionStateClosed, pion.PeerConnectionStateDisconnected)
	})
	t.Run("silence", func(t *testing.T) {
		f := newFixture(t, func(s *Settings, _ *ingest.ServerDeps) { s.ReadTimeout = config.Duration(time.Second) })
		f.publish()
		f.ended("the publisher sends no data")
	})
	t.Run("no connection", func(t *testing.T) {
		f := newFixture(t, func(s *Settings, _ *ingest.ServerDeps) { s.ConnectTimeout = config.Duration(time.Second) })
		c := f.client()
		c.sends(pion.MimeTypeH264, 90000)
		offer, err := c.pc.CreateOffer(nil)
		require.NoError(t, err)
		require.Equal(t, http.StatusCreated, f.ask(http.MethodPost, "/whip/"+path, sdpType, offer.SDP).StatusCode) // the client never reads the answer
		f.ended("was not connected in time")
	})
	t.Run("another publisher", func(t *testing.T) {
		f := newFixture(t, func(s *Settings, _ *ingest.ServerDeps) { s.OverridePublisher = true })
		_, m := f.publish()
		for range 40 {
			m.picture()
		}
		f.publish()
		f.eventually("the first ends", func() bool { return strings.Contains(f.book.String(), hub.ErrReplaced.Error()) })
		require.Len(t, f.server.Connections(), 1)
	})
	t.Run("the client vanishes", func(t *testing.T) {
		f := newFixture(t)
		c, _ := f.publish()
		require.NoError(t, c.pc.Close())
		f.ended("the client has left")
	})
	t.Run("the server stops", func(t *testing.T) {
		f := newFixture(t)
		f.publish()
		f.stop()
		f.ended("the server stops")
		c := f.client()
		c.sends(pion.MimeTypeH264, 90000)
		require.Equal(t, http.StatusServiceUnavailable, c.offer("/whip/"+path).StatusCode)
	})
}

// A publisher is asked for key frames.
func TestKeyFramesAreRequested(t *testing.T) {
	f := newFixture(t, func(s *Settings, _ *ingest.ServerDeps) { s.KeyFrameInterval = config.Duration(500 * time.Millisecond) })
	c, m := f.publish()
	m.picture()
	sender := c.pc.GetSenders()[0]
	for asked := 0; asked < 2; {
		all, _, err := sender.ReadRTCP()
		require.NoError(t, err)
		asked += len(slices.DeleteFunc(all, func(p rtcp.Packet) bool { _, is := p.(*rtcp.PictureLossIndication); return !is }))
		if asked == 1 {
			m.picture()
		}
	}
}

// Sender reports place sound and pictures on one time line: their own times begin anywhere.
func TestSenderReportsAlignTheTracks(t *testing.T) {
	f := newFixture(t)
	units, err := f.hub.Read(path, live.Options{})
	require.NoError(t, err)
	defer units.Close()
	c := f.client()
	m := &film{f: f, track: c.sends(pion.MimeTypeH264, 90000)}
	sound := c.sends(pion.MimeTypeOpus, 48000)
	require.Equal(t, http.StatusCreated, c.offer("/whip/"+path).StatusCode)
	c.until(pion.PeerConnectionStateConnected)
	const later = time.Second / 2 // the sound of RTP time 0 is made so long after the picture of RTP time 0
	began := time.Now()
	report := func(sender int, at uint32, made time.Time) {
		ntp := uint64(made.Unix()+2208988800)<<32 | uint64(made.Nanosecond())<<32/1e9
		ssrc := uint32(c.pc.GetSenders()[sender].GetParameters().Encodings[0].SSRC)
		require.NoError(t, c.pc.WriteRTCP([]rtcp.Packet{&rtcp.SenderReport{SSRC: ssrc, NTPTime: ntp, RTPTime: at}}))
	}
	late := time.After(patience)
	offsets := map[media.Kind]time.Duration{} // of the media time from the RTP time
	for n := uint32(0); len(offsets) < 2; n++ {
		m.picture()
		require.NoError(t, sound.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: n * 1920}, Payload: []byte{0xfc, byte(n)}}))
		report(0, n*3600, began.Add(time.Duration(n)*40*time.Millisecond))
		report(1, n*1920, began.Add(later+time.Duration(n)*40*time.Millisecond))
		for u, err := units.Poll(); u != nil; u, err = units.Poll() {
			require.NoError(t, err)
			track := &u.Set.Tracks[u.Track]
			content := slices.Concat(u.Slices(nil)...)
			number := content[len(content)-1]
			if track.Kind() == media.Video {
				number = content[len(content)-4] &^ 0x80
			}
			if len(u.Set.Tracks) == 2 {
				offsets[track.Kind()] = time.Duration(media.ToNanos(u.PTS, track.Timescale)) - time.Duration(number)*40*time.Millisecond
			}
		}
		select {
		case <-time.After(40 * time.Millisecond): // 25 pictures a second
		case <-late:
			require.Fail(t, "not both tracks come")
		}
	}
	require.InDelta(t, later, offsets[media.Audio]-offsets[media.Video], float64(time.Millisecond))
}
