//go:build linux

package e2e

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback/browsertest"
)

// everywhere makes media of WebRTC use all addresses: Firefox connects to no loopback address.
var everywhere = []string{"--set", "ingest/webrtc/listen=0.0.0.0:0"}

// page opens a page of testdata in a browser, below the API, and returns what it reports.
func page[T any](r *recorder, t *testing.T, browser, name string, q url.Values) (got T) {
	t.Helper()
	api, err := url.Parse(r.api)
	require.NoError(t, err)
	results := make(chan T, 2)
	mux := http.NewServeMux()
	mux.Handle("/", &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(api) }})
	mux.HandleFunc("/"+name, func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "testdata/"+name) })
	mux.HandleFunc("/hls.js", func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("Content-Type", "text/javascript") })
	mux.HandleFunc("/result", func(_ http.ResponseWriter, r *http.Request) {
		var one T
		if json.NewDecoder(r.Body).Decode(&one) == nil {
			results <- one
		}
	})
	server := httptest.NewServer(mux)
	defer func() { server.CloseClientConnections(); server.Close() }()
	q.Set("patience", fmt.Sprint(2*patience.Seconds()))
	defer browsertest.Start(t, browser, server.URL+"/"+name+"?"+q.Encode())()
	select {
	case got = <-results:
	case <-time.After(3 * patience):
		require.Fail(t, "the page sends nothing")
	}
	return got
}

// shownByWHEP is the report of the page testdata/live.html about a stream by WHEP.
type shownByWHEP struct {
	Errors  []string
	Shown   [][2]float64 // when a picture was shown, in ms since 1970, and its number
	LeftOut string       // header of the answer
	Done    bool
}

// Firefox, which has no decoder of H.264 for WebRTC here, plays VP9 and Opus, and is told why it gets no H.264.
func TestFirefoxPlaysVP9ByWHEP(t *testing.T) {
	t.Parallel()
	r := serve(t, "", everywhere...)
	const stream = "live/vp9"
	ctx, stop := context.WithCancel(t.Context())
	camera := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", r.rtsp+"/live/demo", "-c:v", "libvpx-vp9", "-deadline", "realtime", "-cpu-used", "8",
		"-b:v", "2M", "-g", "25", "-c:a", "libopus", "-strict", "-2", "-f", "rtsp", "-rtsp_transport", "tcp", r.rtsp+"/"+stream)
	require.NoError(t, camera.Start())
	defer func() { stop(); _ = camera.Wait() }()
	eventually(t, "the stream is live", func() bool { return r.stream(stream).State == "live" })
	got := page[shownByWHEP](r, t, "firefox", "live.html", url.Values{"src": {"/whep/" + stream}, "by": {"whep"}})
	require.True(t, got.Done, "%+v", got)
	require.Empty(t, got.Errors)
	require.Empty(t, got.LeftOut)
	require.True(t, slices.IsSortedFunc(got.Shown, func(a, b [2]float64) int { return cmp.Compare(a[1], b[1]) }), "%v", got.Shown)
	r.expect("reader refused")
	got = page[shownByWHEP](r, t, "firefox", "live.html", url.Values{"src": {"/whep/live/demo"}, "by": {"whep"}})
	require.False(t, got.Done)
	require.Contains(t, strings.Join(got.Errors, ""), "no picture: H.264; no sound: AAC")
}

// Chromium plays the built-in stream by WHEP: each picture is shown after those before it.
func TestABrowserPlaysByWHEP(t *testing.T) {
	t.Parallel()
	r := serve(t, "", everywhere...)
	got := page[shownByWHEP](r, t, "chromium", "live.html", url.Values{"src": {"/whep/live/demo"}, "by": {"whep"}})
	require.True(t, got.Done, "%+v", got)
	require.Empty(t, got.Errors)
	require.Equal(t, "no sound: AAC", got.LeftOut)
	require.Greater(t, len(got.Shown), 4)
	require.True(t, slices.IsSortedFunc(got.Shown, func(a, b [2]float64) int { return cmp.Compare(a[1], b[1]) }), "%v", got.Shown)
	r.stop("live/demo")
	record := r.awaitRecords("live/demo", 1)[0]
	first := frameNumbers(t, r.path(record.File), 640, 360)[0]
	zero := float64(record.Start.UnixMilli()) - float64(first)*40
	var ages []float64 // ms, of each picture when it was shown
	for _, s := range got.Shown[len(got.Shown)/2:] {
		ages = append(ages, s[0]-zero-s[1]*40)
	}
	slices.Sort(ages)
	t.Logf("%d pictures; shown %.0f ms after the camera has made them (median; %.0f to %.0f)", len(got.Shown), ages[len(ages)/2], ages[0], ages[len(ages)-1])
}

// The page shows a live stream at once, and says which of its tracks the browser does not get. A stream with B-frames, which browsers do
// not show by WebRTC, comes as one endless MP4.
func TestThePageShowsLiveStreams(t *testing.T) {
	t.Parallel()
	r := serve(t, "")
	r.expect("reader refused")
	p := publish(t, x264Clip(t), r.rtsp+"/live/b", "tcp", "-re", "-stream_loop", "-1")
	defer p.kill()
	eventually(t, "the stream is live", func() bool { return r.stream("live/b").State == "live" })
	v := watch(t, t.TempDir())
	require.NoError(t, chromedp.Do(v.ctx, chromedp.Navigate(r.api+"/")))
	eventually(t, "the page is there", func() bool {
		ok, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool]("!!(window.v = document.querySelector('#video'))"))
		return err == nil && ok
	})
	for stream, want := range map[string]string{
		"live/demo": `v.srcObject && document.querySelector('#player-note').textContent === 'no sound: AAC'`,
		"live/b":    `!v.srcObject && document.querySelector('#player-note').textContent.includes('B-frames')`,
	} {
		button := `document.querySelector('[aria-label="Watch ` + stream + `"]:not([hidden])')`
		v.until("!!" + button)
		v.do(button + `.click(); 0`)
		v.until(`v.videoWidth > 0 && v.currentTime > 1 && ` + want)
		require.Equal(t, 1, r.reading(stream), stream)
		v.do(`document.querySelector('#player-close').click(); 0`)
		eventually(t, "the client has left", func() bool { return r.reading(stream) == 0 })
	}
}

// reading returns the number of clients that read a stream.
func (r *recorder) reading(stream string) (n int) {
	r.t.Helper()
	for _, c := range answer[struct {
		Connections []struct {
			State string
			Path  string `json:"stream_path"`
		}
	}](r, "GET", "/mp4/connections").Connections {
		if c.State == "reading" && c.Path == stream {
			n++
		}
	}
	return n
}
