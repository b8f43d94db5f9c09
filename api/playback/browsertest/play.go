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
	URL   string  // of the file, without the host
	Rate  float64 // at which it is played from its begin to its end; 0: it is not
	Seeks []Place // to seek to then
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
	Shown    int      // number of the picture at the latest place
	Waits    string   // what the page waited for last
	Done     bool
}

//go:embed player.html
var page []byte

// Play plays files of a server in a browser, one after another. Each must play, and show the right picture at each place.
func Play(t testing.TB, browser string, files http.Handler, tasks ...Task) []Seen {
	t.Helper()
	results := make(chan []Seen, 1)
	mux := http.NewServeMux()
	mux.Handle("/", files)
	mux.HandleFunc("/player.html", func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "player.html", time.Time{}, bytes.NewReader(page))
	})
	mux.HandleFunc("/tasks.json", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(tasks) // else the page sends nothing
	})
	mux.HandleFunc("/seen", func(_ http.ResponseWriter, r *http.Request) {
		var all []Seen
		if json.NewDecoder(r.Body).Decode(&all) == nil {
			select {
			case results <- all:
			default: // the page has sent its last word
			}
		}
	})
	server := httptest.NewServer(mux)
	defer func() { server.CloseClientConnections(); server.Close() }()
	var all []Seen
	for range starts {
		if all = once(t, browser, server.URL+"/player.html", results); !stuck(all) {
			break
		}
		t.Logf("%s is started again; its page has seen %+v", browser, all)
	}
	require.NotEmpty(t, all, "the page sends nothing in %s", browser)
	for i, s := range all {
		require.True(t, s.Done, "%s, %s: %+v", browser, tasks[i].URL, s)
	}
	require.Len(t, all, len(tasks), browser)
	return all
}

// starts bounds how often a browser is started: one in some dozens of headless browsers stops in the middle of a page.
const starts = 3

// once opens the page in a new browser, and returns what it has seen; nothing if it sends nothing.
func once(t testing.TB, browser, url string, results <-chan []Seen) []Seen {
	t.Helper()
	defer Start(t, browser, url)()
	select {
	case all := <-results:
		return all
	case <-time.After(patience + patience/2):
		return nil
	}
}

// stuck reports whether a page did not end, without an error of the player.
func stuck(all []Seen) bool {
	if len(all) == 0 {
		return true
	}
	for _, s := range all {
		if !s.Done && s.Error == "" {
			return true
		}
	}
	return false
}
