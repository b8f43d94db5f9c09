//go:build linux

package hls

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

// seen is what a page with hls.js reports: see testdata/player.html.
type seen struct {
	Errors      []string
	Seeks       []int // number of the picture at each place
	First, Last float64
	Duration    float64
	Frames      int
	Live, Done  bool
	Date        string
	Waits       string
	At          float64
	Ready       int
	Begin       float64 // duration of the playlist when it was fetched first
	Total       float64 // when it was fetched last
}

// script returns the file of hls.js.
var script = sync.OnceValues(func() (string, error) { return browsertest.Script(filepath.Join(workshop, "npm")) })

// play plays the playlist at an address in a browser, at a rate, to its end, or with until to as many seconds behind the end that it
// had at first. Then it seeks to some times in seconds.
func play(t *testing.T, browser, address string, rate, until float64, seeks []float64) (got seen) {
	t.Helper()
	code, err := script()
	require.NoError(t, err)
	target, err := url.Parse(address)
	require.NoError(t, err)
	results := make(chan seen, 2)
	mux := http.NewServeMux()
	forward := httputil.NewSingleHostReverseProxy(&url.URL{Scheme: target.Scheme, Host: target.Host})
	mux.Handle("/", forward)
	mux.HandleFunc("/player.html", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, "testdata/player.html") })
	mux.HandleFunc("/hls.js", func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, code) })
	mux.HandleFunc("/result", func(_ http.ResponseWriter, r *http.Request) {
		var one seen
		if json.NewDecoder(r.Body).Decode(&one) == nil {
			results <- one
		}
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	places, err := json.Marshal(seeks)
	require.NoError(t, err)
	q := url.Values{"src": {target.RequestURI()}, "rate": {fmt.Sprint(rate)}, "until": {fmt.Sprint(until)}, "seeks": {string(places)}, "patience": {fmt.Sprint(2 * patience.Seconds())}}
	defer browsertest.Start(t, browser, server.URL+"/player.html?"+q.Encode())()
	select {
	case got = <-results:
	case <-time.After(3 * patience):
		require.Fail(t, "the page sends nothing", browser)
	}
	require.True(t, got.Done, "%s: %+v", browser, got)
	return got
}

// hls.js plays and seeks a playlist of files of both forms with a gap and a change of resolution, in Chromium and
// Firefox.
func TestBrowsersPlayAndSeek(t *testing.T) {
	t.Parallel()
	s := newShelf(t)
	s.add(film(t, look{size: "320x180", seconds: 6, gop: 25, numbered: true}), 0)
	s.add(film(t, look{size: "320x180", seconds: 5, gop: 50, hue: 90, fragment: true, numbered: true}), int64(6*time.Second))
	s.add(film(t, look{size: "640x360", seconds: 6, gop: 40, hue: 180, numbered: true}), int64(60*time.Second))
	for _, browser := range browsertest.Names {
		t.Run(browser, func(t *testing.T) {
			t.Parallel()
			got := play(t, browser, s.url, 4, 0, []float64{1.02, 7.02, 12.02, 16.02, 3.5})
			for _, e := range got.Errors { // a busy machine makes a player wait
				require.Regexp(t, "^mediaError buffer(StalledError|SeekOverHole|NudgeOnStall) fatal=false", e)
			}
			const lead = 0.0232 // the sound of each file begins before its pictures by so many seconds
			require.InDelta(t, 17+3*lead, got.Duration, 0.05)
			require.InDelta(t, got.Duration, got.Last, 0.1)
			require.False(t, got.Live)
			for i, want := range []float64{(1.02 - lead) * 25, (7.02 - 6 - 2*lead) * 25, (12.02 - 11 - 3*lead) * 25, (16.02 - 11 - 3*lead) * 25, (3.5 - lead) * 25} {
				require.InDelta(t, int(want), got.Seeks[i], 1, "picture at place %d of %v", i, got.Seeks)
			}
			require.Equal(t, "2026-03-04T05:06:10.5", got.Date[:21], "the wall clock at 3.5 s")
		})
	}
}

// hls.js follows a playlist of the type EVENT over several files into segments that were recorded later, and seeks back to its begin.
func TestBrowsersFollowAnEvent(t *testing.T) {
	t.Parallel()
	s := newStation(t, t.TempDir(), "--set", "mp4/max_duration=8")
	address := s.record(film(t, look{size: "320x180", seconds: 150, gop: 25, numbered: true, silent: true}))
	for _, browser := range browsertest.Names {
		t.Run(browser, func(t *testing.T) {
			t.Parallel()
			got := play(t, browser, address, 1, 3, []float64{1.02, 4.02, 0.5})
			for _, e := range got.Errors {
				require.Contains(t, e, "fatal=false", fmt.Sprint(got))
			}
			require.True(t, got.Live)
			require.Greater(t, got.Last, got.Begin, "it plays what came later")
			require.Greater(t, got.Total, got.Begin)
			require.Equal(t, []int{got.Seeks[2] + 13, got.Seeks[2] + 88}, got.Seeks[:2], "pictures at the begin: %v", got.Seeks)
		})
	}
}

// hls.js plays and seeks segments that are made.
func TestABrowserPlaysMadeSegments(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	rewritten(t, dir, scene(12, "-c:v", "libx264", "-preset", "veryfast", "-bf", "3", "-g", "50", "-c:a", "aac")...)
	s := newStation(t, dir)
	address, _ := s.playlistOf(s.rows()[0], "&segment=3")
	got := play(t, "chromium", address, 4, 0, []float64{7.02, 1.02, 10.02})
	require.InDelta(t, 12, got.Duration, 0.1) // the sound ends with a whole frame of AAC
	require.InDelta(t, got.Duration, got.Last, 0.1)
	require.Equal(t, []int{175, 25, 250}, got.Seeks)
}
