//go:build linux

package browsertest

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Task is a file that a page plays.
type Task struct {
	URL   string  // of the file, without the host; empty with List
	Rate  float64 // at which it is played from its begin to its end; 0: it is not
	Seeks []Place // to seek to then

	// List is the URL of a list of spans of MediaMTX's playback server, with its host. The page plays one of them, as MediaMTX's clients do.
	List   string
	Entry  int    // of the list
	Format string // mp4, fmp4 or empty
}

// Place is a time in seconds, and the number of the picture that is shown there: what the strip of the built-in test pattern shows, see
// package testpattern.
type Place [2]float64

// Seen holds the page's report on a file.
type Seen struct {
	Error    string   // of the player; empty: none
	Duration float64  // of the file, s
	First    int      // number of the first picture that was shown
	Sizes    []string // of the pictures, as in 320x180, one for each change
	Played   float64  // time at the end, s; 0: it is not played to the end
	Listed   float64  // length of the span in the list, s
	Shown    int      // number of the picture at the latest place
	Waits    string   // what the page waited for last
	Done     bool
}

//go:embed player.html
var page []byte

// Play plays files of a server in a browser, one after another. Each must play, and show the right picture at each place.
func Play(t testing.TB, browser string, files http.Handler, tasks ...Task) []Seen {
	t.Helper()
	var all []Seen
	over := false
	for n := 1; n <= starts && !over; n++ {
		if all, over = once(t, browser, files, tasks); !over {
			t.Logf("%s, started %d times: its page stops; it has seen %+v", browser, n, all)
		}
	}
	require.True(t, over, "the page stops in %s; it has seen %+v", browser, all)
	for i, s := range all {
		require.True(t, s.Done, "%s, %s: %+v", browser, tasks[i].URL+tasks[i].List, s)
	}
	require.Len(t, all, len(tasks), browser)
	return all
}

// starts bounds how often a browser is started: one in some dozens of headless browsers never opens its page. silence bounds the time in which it
// neither requests nor reports anything: a busy machine starts it in half a minute, and plays slowly.
const (
	starts  = 3
	silence = 3 * time.Minute
)

// report is what a page sends when it begins to wait for something, and at its end.
type report struct {
	Step  int // from 1: reports overtake each other
	Over  bool
	Files []Seen
}

// once plays the files in a new browser. It reports whether the page has come to its end.
func once(t testing.TB, browser string, files http.Handler, tasks []Task) (all []Seen, over bool) {
	t.Helper()
	signs := make(chan report) // of life; a request without a report has step 0
	done := make(chan struct{})
	sign := func(r report) {
		select {
		case signs <- r:
		case <-done:
		}
	}
	mux := http.NewServeMux()
	mux.Handle("/", files)
	mux.HandleFunc("/player.html", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "player.html", time.Time{}, bytes.NewReader(page))
	})
	mux.HandleFunc("/tasks.json", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(tasks) // else the page sends nothing
	})
	mux.HandleFunc("/seen", func(_ http.ResponseWriter, r *http.Request) {
		var one report
		if json.NewDecoder(r.Body).Decode(&one) == nil {
			sign(one)
		}
	})
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		sign(report{})
		mux.ServeHTTP(w, r)
	}))
	defer func() { close(done); server.CloseClientConnections(); server.Close() }()
	defer Start(t, browser, server.URL+"/player.html")()
	for latest := 0; ; {
		select {
		case r := <-signs:
			if r.Step > latest {
				latest, all = r.Step, r.Files
			}
			if r.Over {
				return r.Files, true
			}
		case <-time.After(silence):
			return all, false
		}
	}
}
