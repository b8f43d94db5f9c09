package httppull

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/hls"
	"github.com/gospool/spool/stages/ingest/httpclient"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds events that must happen at all; it measures no speed.
const patience = time.Minute

const path = "live/a"

type fixture struct {
	t    *testing.T
	hub  *hub.Hub
	book *pipelinetest.Log
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{t: t, book: &pipelinetest.Log{}}
	log := slog.New(slog.NewTextHandler(f.book, nil))
	tasks := pipeline.NewTasks(log, pipeline.SystemClock)
	f.hub = hub.New(pipelinetest.Pool(t), tasks, hub.Config{Log: log, Linger: time.Millisecond})
	t.Cleanup(func() {
		f.hub.Close()
		require.NoError(t, tasks.Stop(context.Background()))
		if t.Failed() {
			t.Log(f.book.String())
		}
	})
	return f
}

// pull pulls a URL while the test runs.
func (f *fixture) pull(c hub.StreamConfig) {
	f.t.Helper()
	require.NoError(f.t, f.hub.Configure(path, c))
	sub, err := f.hub.Subscribe(path)
	require.NoError(f.t, err)
	f.t.Cleanup(sub.Close)
}

func (f *fixture) units() uint64 {
	i, _ := f.hub.Info(path)
	return i.AccessUnits
}

func (f *fixture) eventually(what string, is func() bool) {
	f.t.Helper()
	require.Eventually(f.t, is, patience, 5*time.Millisecond, what)
}

// fails waits until the log has the reason of a failed pull, without the password.
func (f *fixture) fails(reason string) {
	f.t.Helper()
	f.eventually("a pull fails: "+reason, func() bool { return strings.Contains(f.book.String(), reason) })
	require.NotContains(f.t, f.book.String(), "s3cret")
}

func stream(t testing.TB) []byte {
	t.Helper()
	b, err := os.ReadFile("../mpegts/testdata/h264_aac.ts")
	require.NoError(t, err)
	return b
}

// serve runs a server whose handler gets the stream.
func serve(t *testing.T, start func(http.Handler) *httptest.Server, handle func(w http.ResponseWriter, r *http.Request)) *httptest.Server {
	t.Helper()
	s := start(http.HandlerFunc(handle))
	t.Cleanup(s.Close)
	return s
}

func TestAFileIsPublishedToItsEnd(t *testing.T) {
	data := stream(t)
	for name, kind := range map[string]string{"type": "video/MP2T", "content": "application/octet-stream"} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			s := serve(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request) {
				user, password, _ := r.BasicAuth()
				if user != "u" || password != "s3cret" {
					w.WriteHeader(http.StatusUnauthorized)
					return
				}
				w.Header().Set("Content-Type", kind)
				w.Header().Set("Content-Length", fmt.Sprint(len(data)))
				_, _ = w.Write(data)
			})
			f.pull(hub.StreamConfig{Pull: strings.Replace(s.URL, "//", "//u:s3cret@", 1) + "/a.ts"})
			f.eventually("the stream has media", func() bool { return f.units() > 0 })
			f.eventually("it ends", func() bool { return !f.hub.Announced(path) })
			require.NotContains(t, f.book.String(), "pull failed")
		})
	}
}

func TestALiveStreamIsTakenUntilItIsSilent(t *testing.T) {
	f := newFixture(t)
	data := stream(t)
	s := serve(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "video/mp2t")
		_, _ = w.Write(data)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	f.pull(hub.StreamConfig{Pull: s.URL, ReadTimeout: 2 * time.Second})
	f.fails("the server sends no data for 2s")
	require.NotZero(t, f.units())
}

func TestCertificatesAreVerified(t *testing.T) {
	data := stream(t)
	handle := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) }
	f := newFixture(t)
	s := serve(t, httptest.NewTLSServer, handle)
	f.pull(hub.StreamConfig{Pull: s.URL})
	sum := fmt.Sprintf("%x", sha256.Sum256(s.Certificate().Raw))
	f.fails(sum) // the message says how to pin it
	f = newFixture(t)
	f.pull(hub.StreamConfig{Pull: s.URL, Fingerprint: sum})
	f.eventually("the stream has media", func() bool { return f.units() > 0 })
	f = newFixture(t)
	f.pull(hub.StreamConfig{Pull: s.URL, Fingerprint: strings.Repeat("ab", 32)})
	f.fails("is not the pinned one")
}

func TestRedirectsAreBounded(t *testing.T) {
	data := stream(t)
	s := serve(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/once":
			http.Redirect(w, r, "/media", http.StatusFound)
		case "/media":
			_, _ = w.Write(data)
		case "/elsewhere":
			http.Redirect(w, r, "ftp://127.0.0.1/x", http.StatusFound)
		default:
			http.Redirect(w, r, "/again", http.StatusFound)
		}
	})
	f := newFixture(t)
	f.pull(hub.StreamConfig{Pull: s.URL + "/once"})
	f.eventually("the stream has media", func() bool { return f.units() > 0 })
	f = newFixture(t)
	f.pull(hub.StreamConfig{Pull: s.URL + "/again?token=s3cret"})
	f.fails("the server redirects more than 3 times")
	f = newFixture(t)
	f.pull(hub.StreamConfig{Pull: s.URL + "/elsewhere"})
	f.fails("which is not followed")
}

// The query of a URL may have a token, and the password is for one host and port.
func TestARedirectTakesNoSecretToAnotherHost(t *testing.T) {
	data := stream(t)
	got := make(chan http.Header, 10)
	handle := func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header
		_, _ = w.Write(data)
	}
	other := serve(t, httptest.NewServer, handle)
	first := serve(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/away":
			http.Redirect(w, r, other.URL, http.StatusFound)
		case "/here":
			http.Redirect(w, r, "/media", http.StatusFound)
		default:
			handle(w, r)
		}
	})
	for from, password := range map[string]bool{"/away": false, "/here": true} {
		f := newFixture(t)
		f.pull(hub.StreamConfig{Pull: strings.Replace(first.URL, "//", "//u:s3cret@", 1) + from + "?token=s3cret"})
		f.eventually("the stream has media", func() bool { return f.units() > 0 })
		header := <-got
		require.Empty(t, header.Values("Referer"), from)
		require.Equal(t, password, header.Get("Authorization") != "", from)
	}
}

// A body that goes on without media does not keep the pull alive.
func TestABodyWithoutMediaIsLeft(t *testing.T) {
	null := append([]byte{0x47, 0x1f, 0xff, 0x10}, make([]byte, 184)...)
	s := serve(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "video/mp2t")
		for r.Context().Err() == nil {
			_, _ = w.Write(null)
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond) // a sender's pace
		}
	})
	f := newFixture(t)
	f.pull(hub.StreamConfig{Pull: s.URL, ReadTimeout: time.Second})
	f.fails("the server has sent no stream that can be recorded for 1s")
}

// A live stream goes on after the time in which it must begin.
func TestALiveStreamGoesOn(t *testing.T) {
	data := stream(t)
	s := serve(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "video/mp2t")
		_, _ = w.Write(data)
		for end := time.Now().Add(3 * time.Second); r.Context().Err() == nil && time.Now().Before(end); {
			_, _ = w.Write(data[:188])
			w.(http.Flusher).Flush()
			time.Sleep(20 * time.Millisecond) // a sender's pace
		}
	})
	f := newFixture(t)
	f.pull(hub.StreamConfig{Pull: s.URL, ReadTimeout: 2 * time.Second})
	f.fails("the server ends the stream")
	require.NotContains(t, f.book.String(), "no stream that can be recorded")
}

func TestAnswersWithoutAStream(t *testing.T) {
	for name, c := range map[string]struct {
		handle func(w http.ResponseWriter, _ *http.Request)
		says   string
	}{
		"not found": {func(w http.ResponseWriter, r *http.Request) { http.NotFound(w, r) }, "the server answers 404 Not Found"},
		"a page": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("<html>" + strings.Repeat("x", 1000)))
		}, `no stream that can be read, but \"text/html\"`},
		"empty": {func(http.ResponseWriter, *http.Request) {}, "no stream that can be read"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			s := serve(t, httptest.NewServer, c.handle)
			f.pull(hub.StreamConfig{Pull: s.URL + "/?token=s3cret"})
			f.eventually("the pull fails", func() bool { return strings.Contains(f.book.String(), c.says) })
		})
	}
}

func TestOptionsThatAreRefused(t *testing.T) {
	for _, c := range []struct{ url, transport, fingerprint string }{
		{"http:///x", "", ""}, {"http://h/", "udp", ""}, {"http://h/", "", strings.Repeat("ab", 32)}, {"https://h/", "", "ab"},
	} {
		_, err := hub.NewPuller(c.url, hub.PullOptions{Transport: c.transport, Fingerprint: c.fingerprint})
		require.Error(t, err, c.url)
	}
}

// The scheme of a playlist is that of HTTP.
func TestTheSchemeOfAPlaylist(t *testing.T) {
	_, err := hub.NewPuller("hls://h/index.m3u8", hub.PullOptions{})
	require.EqualError(t, err, `pull URL has scheme "hls": write http:// or https://, also for a playlist of HLS`)
}

// A body that is shorter than the range that was asked for is no whole answer. The password of the pull URL goes to its host by
// its scheme alone.
func TestRangesAreWhole(t *testing.T) {
	var password bool
	s := serve(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request) {
		_, _, password = r.BasicAuth()
		if r.URL.Path == "/partial" {
			w.Header().Set("Content-Range", "bytes 0-3/4")
			w.WriteHeader(http.StatusPartialContent)
		}
		_, _ = w.Write([]byte("0123"))
	})
	at, err := url.Parse(s.URL)
	require.NoError(t, err)
	for _, scheme := range []string{"http", "ws"} { // the other one has the same host and port
		pull := *at
		pull.Scheme, pull.User = scheme, url.UserPassword("u", "s3cret")
		p := &puller{PullOptions: hub.PullOptions{URL: &pull}, timeout: patience, client: s.Client()}
		for _, path := range []string{"/partial", "/all"} {
			for length, want := range map[int64]error{3: nil, 4: nil, 5: io.ErrUnexpectedEOF} {
				got, err := source{p}.Open(t.Context(), at.JoinPath(path), hls.Range{Length: length})
				require.NoError(t, err)
				b, err := io.ReadAll(got)
				require.ErrorIs(t, err, want, "%s: %d", path, length)
				require.Equal(t, "0123"[:min(length, 4)], string(b))
				require.NoError(t, got.Close())
				require.Equal(t, scheme == "http", password)
			}
		}
	}
}

// A redirect that cannot be read may have a secret.
func TestARedirectThatCannotBeReadIsNotShown(t *testing.T) {
	s := serve(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Location", "http://[bad/?token=s3cret")
		w.WriteHeader(http.StatusFound)
	})
	f := newFixture(t)
	f.pull(hub.StreamConfig{Pull: s.URL})
	f.fails("the server redirects to a URL that cannot be read")
}

// nearer returns a server at an address that the puller takes for public, one that is nearer, and a puller of a path of the first.
func nearer(t *testing.T, handle func(w http.ResponseWriter, r *http.Request, near string)) (p *puller, near *httptest.Server, asked *atomic.Int32) {
	asked = &atomic.Int32{}
	near = serve(t, httptest.NewServer, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		_, _ = w.Write(stream(t))
	})
	port := near.Listener.Addr().(*net.TCPAddr).Port
	far := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { handle(w, r, fmt.Sprintf("http://localhost:%d", port)) }))
	require.NoError(t, far.Listener.Close())
	var err error
	far.Listener, err = net.Listen("tcp", "127.0.0.2:0")
	require.NoError(t, err)
	far.Start()
	t.Cleanup(far.Close)
	u, err := url.Parse(far.URL)
	require.NoError(t, err)
	of, err := newPuller(hub.PullOptions{URL: u, ReadTimeout: 10 * time.Second, Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	p = of.(*puller)
	p.clients.PlaceOf = func(a netip.Addr) httpclient.Place {
		if a == netip.MustParseAddr("127.0.0.2") {
			return httpclient.Public
		}
		return httpclient.PlaceOf(a)
	}
	return p, near, asked
}

// A server of the internet does not lead to an address of this machine or its network: by a redirect, or by what a playlist names.
func TestAServerLeadsToNoNearerNetwork(t *testing.T) {
	const head = "#EXTM3U\n#EXT-X-TARGETDURATION:1\n"
	for name, list := range map[string]string{
		"redirect":          "",
		"variant":           "#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nNEAR/list?s3cret\n",
		"segments":          head + strings.Repeat("#EXTINF:1,\nNEAR/a.ts?s3cret\n", 5) + "#EXT-X-ENDLIST\n",
		"parts":             head + "#EXT-X-PART-INF:PART-TARGET=1\n" + strings.Repeat("#EXT-X-PART:DURATION=1,URI=\"NEAR/a.ts?s3cret\"\n", 5),
		"key":               head + "#EXT-X-KEY:METHOD=AES-128,URI=\"NEAR/key?s3cret\"\n" + strings.Repeat("#EXTINF:1,\na.ts\n", 5) + "#EXT-X-ENDLIST\n",
		"section":           head + "#EXT-X-MAP:URI=\"NEAR/init.mp4?s3cret\"\n" + strings.Repeat("#EXTINF:1,\na.ts\n", 5) + "#EXT-X-ENDLIST\n",
		"redirect, segment": head + strings.Repeat("#EXTINF:1,\naway\n", 5) + "#EXT-X-ENDLIST\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, near, asked := nearer(t, func(w http.ResponseWriter, r *http.Request, near string) {
				switch {
				case r.URL.Path == "/away" || list == "":
					http.Redirect(w, r, near+"/a.ts?s3cret", http.StatusFound)
				case r.URL.Path == "/a.ts":
					_, _ = w.Write(stream(t))
				default:
					_, _ = w.Write([]byte(strings.ReplaceAll(list, "NEAR", near)))
				}
			})
			err := p.Pull(t.Context(), func(string) (*hub.Publisher, error) { panic("published") })
			require.ErrorContains(t, err, "http://localhost:")
			require.ErrorContains(t, err, "is not followed: its address ")
			require.ErrorContains(t, err, " is loopback, and the server of the pull URL has the address 127.0.0.2, which is public")
			require.NotContains(t, err.Error(), "s3cret")
			require.Zero(t, asked.Load())
			p.URL, err = url.Parse(near.URL)
			require.NoError(t, err)
			published := errors.New("published")
			require.ErrorIs(t, p.Pull(t.Context(), func(string) (*hub.Publisher, error) { return nil, published }), published, "the user may name any address")
		})
	}
}

// The error of a scheme that is not that of the port says which one is.
func TestThePortIsOfTheOtherScheme(t *testing.T) {
	plain := serve(t, httptest.NewServer, func(http.ResponseWriter, *http.Request) {})
	encrypted := serve(t, httptest.NewTLSServer, func(http.ResponseWriter, *http.Request) {})
	nginx := serve(t, httptest.NewServer, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte("<center>The plain HTTP request was sent to HTTPS port</center>"))
	})
	alert, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ended := make(chan struct{})
	t.Cleanup(func() { _ = alert.Close(); <-ended })
	go func() {
		defer close(ended)
		for c, err := alert.Accept(); err == nil; c, err = alert.Accept() {
			_, _ = c.Read(make([]byte, 4<<10))
			_, _ = c.Write([]byte("\x15\x03\x03\x00\x02\x02\x0a"))
			_ = c.Close()
		}
	}()
	for url, says := range map[string]string{
		strings.Replace(plain.URL, "http:", "https:", 1):     "write the scheme without the s, such as http://",
		strings.Replace(encrypted.URL, "https:", "http:", 1): "write the scheme with an s, such as https://",
		nginx.URL:                         "write the scheme with an s, such as https://",
		"http://" + alert.Addr().String(): "write the scheme with an s, such as https://",
	} {
		f := newFixture(t)
		f.pull(hub.StreamConfig{Pull: url})
		f.fails(says)
	}
}
