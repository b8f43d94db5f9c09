//go:build linux

package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback/browsertest"
)

// liveSeen holds the report of the page testdata/live.html.
type liveSeen struct {
	Errors  []string
	Numbers []int   // of the pictures that were shown two seconds apart
	Age     float64 // of the shown picture, ms; with an endless file, how far it is behind the buffer's end
	Frames  int
	Dropped int
	Parts   int // listed by the playlist
	Waits   string
	Done    bool

	Back, Onward int // numbers of the pictures that a jump to the begin of the window has shown, and two seconds later
}

var hlsScript = sync.OnceValues(func() (string, error) { return browsertest.Script(filepath.Join(workshop, "npm")) })

// Browsers play the built-in stream while it comes in, and by HLS jump back to what was recorded before. Its pictures show their numbers.
func TestBrowsersPlayALiveStream(t *testing.T) {
	t.Parallel()
	script, err := hlsScript()
	require.NoError(t, err)
	r := serve(t, "egress: {window: 1h}\nstreams: {live/demo: {pull: 'testpattern://?size=640x360&fps=25&gop=50'}}\n"+
		"pipelines: {default: {record: always, stages: [source, gop_ring, segmenter, mp4, metadata]}}\n")
	r.awaitUnits("live/demo", 800) // recorded before the first client comes
	api, err := url.Parse(r.api)
	require.NoError(t, err)
	for _, browser := range browsertest.Names {
		for by, file := range map[string]string{"hls": "/index.m3u8", "endless": ".mp4"} {
			t.Run(browser+"/"+by, func(t *testing.T) {
				t.Parallel()
				results := make(chan liveSeen, 2)
				mux := http.NewServeMux()
				mux.Handle("/", &httputil.ReverseProxy{FlushInterval: -1, Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(api) }})
				mux.HandleFunc("/live.html", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "testdata/live.html") })
				mux.HandleFunc("/hls.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, script) })
				mux.HandleFunc("/result", func(_ http.ResponseWriter, r *http.Request) {
					var one liveSeen
					if json.NewDecoder(r.Body).Decode(&one) == nil {
						results <- one
					}
				})
				server := httptest.NewServer(mux)
				defer func() { server.CloseClientConnections(); server.Close() }()
				q := url.Values{"src": {"/mp4/live/live/demo" + file}, "by": {by}, "back": {map[string]string{"hls": "1"}[by]}, "patience": {fmt.Sprint(2 * patience.Seconds())}}
				defer browsertest.Start(t, browser, server.URL+"/live.html?"+q.Encode())()
				var got liveSeen
				select {
				case got = <-results:
				case <-time.After(3 * patience):
					require.Fail(t, "the page sends nothing")
				}
				require.True(t, got.Done, "%+v", got)
				for _, e := range got.Errors { // a busy machine makes a player wait
					require.Contains(t, e, "fatal=false", "%+v", got)
				}
				for i := 1; i < len(got.Numbers); i++ {
					require.Greater(t, got.Numbers[i], got.Numbers[i-1], "%+v", got)
				}
				require.Positive(t, got.Frames)
				if by == "hls" {
					require.Positive(t, got.Parts)
					require.Less(t, got.Back, 100, "of the recording's first seconds: %+v", got)
					require.Greater(t, got.Onward, got.Back, "%+v", got)
				}
				t.Logf("%.0f ms old, %d pictures, %d dropped, numbers %v, errors %v", got.Age, got.Frames, got.Dropped, got.Numbers, got.Errors)
			})
		}
	}
}
