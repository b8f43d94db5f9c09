package webrtc

import (
	"fmt"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	pion "github.com/pion/webrtc/v4"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

func TestOffersThatAreRefused(t *testing.T) {
	f := newFixture(t)
	at := "/whip/" + path
	require.Equal(t, http.StatusRequestEntityTooLarge, f.ask(http.MethodPost, at, sdpType, strings.Repeat("a", maxBodyBytes+1)).StatusCode)
	const head = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n"
	for offer, reason := range map[string]string{
		"":         "no section",
		"v=1\r\nx": "no session description",
		head:       "no section",
		head + "m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\n":                                                    `a section of "application"`,
		head + "a=ice-lite\r\nm=audio 9 UDP/TLS/RTP/SAVPF 0\r\n":                                                         "ICE-lite",
		head + strings.Repeat("m=audio 9 UDP/TLS/RTP/SAVPF 0\r\n", 17):                                                   "17 sections",
		head + "m=audio 9 UDP/TLS/RTP/SAVPF" + strings.Repeat(" 0", 129) + "\r\n":                                        "129 formats",
		head + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=sendonly\r\n":                                                         "the offer cannot be taken",
		head + "m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=sendonly\r\na=ice-ufrag:abcd\r\na=ice-pwd:0123456789012345678901\r\n": "the offer cannot be taken",
	} {
		res := f.ask(http.MethodPost, at, sdpType, offer)
		require.Equal(t, http.StatusBadRequest, res.StatusCode, "%q: %s", offer, res.text)
		require.Contains(t, res.text, reason, "%q", offer)
	}
	res := f.ask(http.MethodPost, at, sdpType, head+"m=audio 9 UDP/TLS/RTP/SAVPF 0\r\na=recvonly\r\n")
	require.Equal(t, http.StatusUnsupportedMediaType, res.StatusCode, "it sends nothing: %s", res.text)
	require.Empty(t, f.server.Connections())
	require.Empty(t, f.server.peers)
}

// A client that changes its network restarts ICE, and its session goes on.
func TestARestartOfICE(t *testing.T) {
	f := newFixture(t)
	c, _ := f.publish()
	session := c.res.Header.Get("Location")
	tag := c.res.Header.Get("ETag")
	patch := func(ifMatch, text string) response {
		req, err := http.NewRequest(http.MethodPatch, f.http.URL+session, strings.NewReader(text))
		require.NoError(t, err)
		req.Header.Set("Content-Type", fragmentType)
		req.Header.Set("If-Match", ifMatch)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		_ = res.Body.Close()
		return response{res, ""}
	}
	credentials := func(sdp string) (lines string) {
		for line := range strings.Lines(sdp) {
			if (strings.HasPrefix(line, "a=ice-ufrag") || strings.HasPrefix(line, "a=ice-pwd")) && !strings.Contains(lines, line) {
				lines += line
			}
		}
		return lines
	}
	before := credentials(c.pc.LocalDescription().SDP)
	require.Equal(t, http.StatusNoContent, patch(tag, before+"m=video 9 x 0\r\na=mid:0\r\na=candidate:1 1 udp 1 192.0.2.1 9 typ host\r\n").StatusCode)
	require.Equal(t, http.StatusPreconditionFailed, patch(`"other"`, before).StatusCode)
	require.Equal(t, http.StatusBadRequest, patch(tag, "a=ice-ufrag:abcd\r\n").StatusCode)
	require.Equal(t, http.StatusNotFound, f.ask(http.MethodPatch, "/whip/live/b/"+session[len("/whip/live/a/"):], fragmentType, before).StatusCode)

	offer, err := c.pc.CreateOffer(&pion.OfferOptions{ICERestart: true})
	require.NoError(t, err)
	require.NoError(t, c.pc.SetLocalDescription(offer))
	fresh := credentials(offer.SDP)
	require.NotEqual(t, before, fresh)
	res := f.ask(http.MethodPatch, session, fragmentType, fresh)
	require.Equal(t, http.StatusOK, res.StatusCode, res.text)
	require.Equal(t, fragmentType, res.Header.Get("Content-Type"))
	require.NotEqual(t, tag, res.Header.Get("ETag"))
	require.NotEqual(t, credentials(c.res.text), credentials(res.text))
	var answer strings.Builder
	theirs := strings.Split(credentials(res.text), "\r\n")
	for line := range strings.Lines(c.res.text) {
		for _, other := range theirs {
			if key, _, is := strings.Cut(other, ":"); is && strings.HasPrefix(line, key+":") {
				line = other + "\r\n"
			}
		}
		if strings.HasPrefix(line, "a=candidate") {
			line = strings.ReplaceAll(line, " ufrag "+strings.TrimPrefix(strings.Split(credentials(c.res.text), "\r\n")[0], "a=ice-ufrag:"), "")
		}
		answer.WriteString(line)
	}
	require.NoError(t, c.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: answer.String()}))
	connected := make(chan struct{}, 8)
	c.pc.OnICEConnectionStateChange(func(s pion.ICEConnectionState) {
		if s == pion.ICEConnectionStateConnected {
			connected <- struct{}{}
		}
	})
	if c.pc.ICEConnectionState() != pion.ICEConnectionStateConnected {
		<-connected
	}
	require.Len(t, f.server.Connections(), 1)
}

// The server only answers connectivity checks: an offer cannot make it send anything elsewhere.
func TestNothingIsSentToAnAddressInAnOffer(t *testing.T) {
	f := newFixture(t)
	victim, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(t, err)
	defer func() { _ = victim.Close() }()
	c := f.client()
	c.sends(pion.MimeTypeH264, 90000)
	offer, err := c.pc.CreateOffer(nil)
	require.NoError(t, err)
	require.NoError(t, c.pc.SetLocalDescription(offer))
	port := victim.LocalAddr().(*net.UDPAddr).Port
	res := f.ask(http.MethodPost, "/whip/"+path, sdpType, offer.SDP+fmt.Sprintf("a=candidate:1 1 udp 2130706431 127.0.0.1 %d typ host\r\n", port))
	require.Equal(t, http.StatusCreated, res.StatusCode, res.text)
	require.NoError(t, c.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: res.text}))
	c.until(pion.PeerConnectionStateConnected)
	f.stop()
	require.NoError(t, victim.SetReadDeadline(time.Now()))
	n, _, err := victim.ReadFrom(make([]byte, 1500))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded, "%d bytes", n)
}

// A client that only begins sessions takes no place from others.
func TestSessionsAreBounded(t *testing.T) {
	f := newFixture(t, func(s *Settings, _ *ingest.ServerDeps) { s.MaxConnections = 1 })
	idle := f.client()
	idle.sends(pion.MimeTypeH264, 90000)
	offer, err := idle.pc.CreateOffer(nil)
	require.NoError(t, err)
	require.Equal(t, http.StatusCreated, f.ask(http.MethodPost, "/whip/live/b", sdpType, offer.SDP).StatusCode)
	c, _ := f.publish()
	f.eventually("it publishes", func() bool { return f.state() == media.ConnectionPublishing })
	again := f.client()
	again.sends(pion.MimeTypeH264, 90000)
	require.Equal(t, http.StatusServiceUnavailable, again.offer("/whip/live/c").StatusCode)
	require.NoError(t, c.pc.Close())
	f.ended("the client has left")
}
