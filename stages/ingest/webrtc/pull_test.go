package webrtc

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/live"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
)

// pulled is the path to which the stream of the server is pulled.
const pulled = "live/b"

// whep returns the pull URL of a stream of an HTTP server, with credentials before the host.
func whep(server, credentials, rest string) string {
	return strings.Replace(strings.Replace(server, "http", "whep", 1), "://", "://"+credentials, 1) + "/whep/" + rest
}

// pull pulls a URL while the test runs.
func (f *fixture) pull(c hub.StreamConfig) *hub.Reader {
	f.t.Helper()
	require.NoError(f.t, f.hub.Configure(pulled, c))
	units, err := f.hub.Read(pulled, live.Options{})
	require.NoError(f.t, err)
	f.t.Cleanup(units.Close)
	return units
}

// fails waits until a pull fails for a reason. The log has no secret.
func (f *fixture) fails(reason string) {
	f.t.Helper()
	f.eventually("a pull fails: "+reason, func() bool { return strings.Contains(f.book.String(), reason) })
	require.NotContains(f.t, f.book.String(), "s3cret")
}

func TestAStreamIsPulled(t *testing.T) {
	f := newFixture(t)
	cam := f.camera(pipelinetest.AVC(640, 360), media.Track{Codec: codec.Opus, Timescale: 48000, SampleRate: 48000, Channels: 2, ParameterSets: [][]byte{codec.OpusConfig{Channels: 2}.Set()}})
	cam.picture(0)
	units := f.pull(hub.StreamConfig{Pull: whep(f.http.URL, "", path)})
	f.eventually("a session plays", func() bool { return f.state() == media.ConnectionReading })
	stop := f.tasks.Go("camera", func(ctx context.Context) error {
		for n := int64(0); pipeline.Sleep(ctx, pipeline.SystemClock, 5*time.Millisecond, nil); n++ { // less would overflow queues
			cam.picture(0)
			cam.write(1, n*1920, n*1920, true, fmt.Appendf(nil, "\xfcsound %03d", n%1000))
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var pictures, sounds [][]byte
	for len(pictures) < 30 || len(sounds) < 30 {
		u, err := units.Take(ctx)
		require.NoError(t, err)
		require.Empty(t, u.End)
		require.Len(t, u.Set.Tracks, 2)
		content := bytes.Join(u.Slices(nil), nil)
		if u.Set.Tracks[u.Track].Codec == codec.H264 {
			require.Equal(t, 640, u.Set.Tracks[u.Track].Width)
			pictures = append(pictures, content)
		} else {
			sounds = append(sounds, content)
		}
	}
	stop()
	for i := range pictures[1:] {
		last, next := pictures[i], pictures[i+1]
		require.Equal(t, (last[len(last)-1]+1)|0x80, next[len(next)-1], "picture %d follows the one before", i+1)
	}
	first := 0
	_, err := fmt.Sscanf(string(sounds[0]), "\xfcsound %d", &first)
	require.NoError(t, err)
	for i, s := range sounds {
		require.Equal(t, fmt.Sprintf("\xfcsound %03d", (first+i)%1000), string(s))
	}
	require.NoError(t, f.hub.Configure(pulled, hub.StreamConfig{}))
	f.ended("the client has left")
	require.Contains(t, f.book.String(), "stream=live/b")
}

// A server that ends the session ends the pull, which is tried again.
func TestASessionThatTheServerEndsIsPulledAgain(t *testing.T) {
	f := newFixture(t)
	cam := f.camera(pipelinetest.AVC(640, 360))
	cam.picture(0)
	f.pull(hub.StreamConfig{Pull: whep(f.http.URL, "", path)})
	f.eventually("a session plays", func() bool { return strings.Contains(f.book.String(), "reader plays") })
	number := f.server.Connections()[0].Number
	require.True(t, f.server.End(number))
	f.eventually("another session plays", func() bool {
		list := f.server.Connections()
		return len(list) == 1 && list[0].Number != number && list[0].State == media.ConnectionReading
	})
	f.fails("the server has ended the session")
}

const videoAnswer = "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=ice-lite\r\na=fingerprint:sha-256 " +
	"00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00:00\r\n" +
	"m=video 9 UDP/TLS/RTP/SAVPF 98\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\na=sendonly\r\na=setup:passive\r\na=ice-ufrag:abcd\r\na=ice-pwd:abcdefghijklmnopqrstuvwx\r\n"

func TestWhyAPullFails(t *testing.T) {
	for name, c := range map[string]struct {
		status     int
		kind, text string
		want       string
	}{
		"no stream":        {http.StatusNotFound, "text/plain; charset=utf-8", "no such stream", `the server answers 404 Not Found: \"no such stream\"`},
		"an error of JSON": {http.StatusUnauthorized, "application/json", `{"error": "who are you?"}`, `the server answers 401 Unauthorized: \"who are you?\"`},
		"a page":           {http.StatusOK, "text/html", "<html>", `the server answers with \"text/html\" instead of a session description`},
		"too long":         {http.StatusCreated, sdpType, strings.Repeat("a=x\r\n", maxBodyBytes/5+1), "is longer than 131072 bytes"},
		"no SDP":           {http.StatusCreated, sdpType, "hello", "the answer is no session description"},
		"no section":       {http.StatusCreated, sdpType, "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n", "the answer has no section of audio or video"},
		"a foreign codec":  {http.StatusCreated, sdpType, videoAnswer + "a=rtpmap:98 VP8/90000\r\n", "no track that can be recorded (vp8)"},
		"silent":           {http.StatusCreated, sdpType, videoAnswer + "a=rtpmap:98 H264/90000\r\na=fmtp:98 packetization-mode=1;profile-level-id=42e032\r\n", "was not connected within 1s"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			left := make(chan string, 100)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodDelete {
					left <- r.URL.Path
					return
				}
				w.Header().Set("Content-Type", c.kind)
				w.Header().Set("Location", "/session/1")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.text))
			}))
			defer server.Close()
			f.pull(hub.StreamConfig{Pull: whep(server.URL, "u:s3cret@", path+"?token=s3cret"), ReadTimeout: time.Second})
			f.fails(c.want)
			if c.status == http.StatusCreated && name != "too long" {
				require.Equal(t, "/session/1", <-left, "the session is ended")
			}
		})
	}
}

// A user with a password signs in by Basic, and a user alone is a bearer token; neither goes to another host.
func TestCredentialsOfPulls(t *testing.T) {
	for credentials, want := range map[string]string{"u:s3cret@": "Basic dTpzM2NyZXQ=", "s3cret@": "Bearer s3cret"} {
		f := newFixture(t)
		got := make(chan string, 100)
		other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- "other:" + r.Header.Get("Authorization") }))
		defer other.Close()
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			got <- r.Header.Get("Authorization")
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		}))
		defer server.Close()
		f.pull(hub.StreamConfig{Pull: whep(server.URL, credentials, path)})
		require.Equal(t, want, <-got)
		require.Equal(t, "other:", <-got)
		f.fails("instead of a session description")
	}
}

// The server to which the offer was redirected is asked to end the session, without the credentials.
func TestTheEndOfASessionTakesNoCredentialsToAnotherHost(t *testing.T) {
	f := newFixture(t)
	got := make(chan string, 100)
	other := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			got <- r.URL.Path + " " + r.Header.Get("Authorization")
			return
		}
		w.Header().Set("Content-Type", sdpType)
		w.Header().Set("Location", "/session/1")
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write([]byte("no answer"))
	}))
	defer other.Close()
	server := httptest.NewServer(http.RedirectHandler(other.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	f.pull(hub.StreamConfig{Pull: whep(server.URL, "u:s3cret@", path)})
	require.Equal(t, "/session/1 ", <-got)
}

func TestAnAnswerWithoutABodyEnds(t *testing.T) {
	f := newFixture(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", sdpType)
		w.WriteHeader(http.StatusCreated)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer server.Close()
	f.pull(hub.StreamConfig{Pull: whep(server.URL, "", path), ReadTimeout: time.Second})
	f.fails("the server has not answered the offer within 1s")
	require.NoError(t, f.hub.Configure(pulled, hub.StreamConfig{}))
}

func TestCertificatesOfPullsAreVerified(t *testing.T) {
	f := newFixture(t)
	server := httptest.NewTLSServer(http.HandlerFunc(f.serve))
	defer server.Close()
	f.pull(hub.StreamConfig{Pull: whep(server.URL, "", path)})
	sum := fmt.Sprintf("%x", sha256.Sum256(server.Certificate().Raw))
	f.fails(sum)
	cam := f.camera(pipelinetest.AVC(640, 360))
	cam.picture(0)
	require.NoError(t, f.hub.Configure(pulled, hub.StreamConfig{Pull: whep(server.URL, "", path), Fingerprint: sum}))
	f.eventually("a session plays", func() bool { return f.state() == media.ConnectionReading })
}
