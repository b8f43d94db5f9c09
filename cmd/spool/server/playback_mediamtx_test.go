//go:build linux

package server

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback/browsertest"
	"github.com/gospool/spool/stages/ingest/testpattern"
)

// newPlaybackServer returns a stream with two spans, the second of which grows, and the address of the listener for MediaMTX's clients.
func newPlaybackServer(t *testing.T) (d *day, address string) {
	t.Helper()
	r := start(t, t.TempDir(), `
mp4: {filename_pattern: "{stream}/{timestamp}_{ms}.mp4"}
streams: {live/day: {}}
pipelines: {default: {record: always, stages: [source: {}, gop_ring: {}, segmenter: {}, mp4: {}, metadata: {}]}}
http: {listen: '127.0.0.1:0', mediamtx: {listen: '127.0.0.1:0', allow_origins: ['*']}}
`, 0, true)
	d = &day{fixture: r, path: "live/day", o: testpattern.Default(), utc: time.Now().Add(-time.Hour).Truncate(time.Second).UnixNano()}
	d.o.Channels, d.o.Bitrate = 1, 1_000_000
	d.connect(320, 180) // pictures 0 to 149
	d.send(6 * time.Second)
	d.leave(5 * time.Second)
	d.connect(320, 180) // 150 and more
	d.send(8 * time.Second)
	found := regexp.MustCompile(`MediaMTX's playback server" address=(\S+)`).FindStringSubmatch(r.said.String())
	require.NotNil(t, found)
	return d, "http://" + found[1]
}

// TestBrowsersPlaySpansOfMediaMTXsList plays the spans of a list from a page of another origin, as MediaMTX's clients do: also the span
// that still grows, as a file and as fragments. Chromium seeks in files only, because the fragments have no ranges.
func TestBrowsersPlaySpansOfMediaMTXsList(t *testing.T) {
	t.Parallel()
	d, address := newPlaybackServer(t)
	list := address + "/list?path=" + url.QueryEscape(d.path)
	for _, browser := range browsertest.Names {
		t.Run(browser, func(t *testing.T) {
			type places = []browsertest.Place
			finished, growing := places{{3.02, 75}, {0.02, 0}, {5.98, 149}}, places{{1.02, 175}, {0.02, 150}, {1.98, 199}}
			all := browsertest.Play(t, browser, http.NotFoundHandler(),
				browsertest.Task{List: list, Entry: 0, Format: "mp4", Rate: 4, Seeks: finished},
				browsertest.Task{List: list, Entry: 0, Format: "fmp4", Rate: 4},
				browsertest.Task{List: list, Entry: 0, Rate: 4},
				browsertest.Task{List: list, Entry: 1, Format: "mp4", Rate: 4, Seeks: growing},
				browsertest.Task{List: list, Entry: 1, Format: "fmp4", Rate: 4},
			)
			for i, seen := range all {
				require.InDelta(t, seen.Listed, seen.Played, 0.1, "%+v", seen)
				if i < 3 {
					require.InDelta(t, 6, seen.Listed, 1e-6)
					require.Zero(t, seen.First)
				} else {
					require.Greater(t, seen.Listed, 2.0)
					require.Equal(t, 150, seen.First)
				}
			}
		})
	}
}

// TestEightGetsOfAGrowingFile fetches the footage of a file eight times at once, while it grows. Each answer decodes without an error, to
// the same pictures.
func TestEightGetsOfAGrowingFile(t *testing.T) {
	t.Parallel()
	d, address := newPlaybackServer(t)
	span := fmt.Sprintf("%s/get?path=%s&start=%s&duration=3600", address, url.QueryEscape(d.path), url.QueryEscape(stamp(d.utc-int64(8*time.Second))))
	var bodies [8][]byte
	var failed [8]error
	var all sync.WaitGroup
	for i := range bodies {
		all.Go(func() {
			resp, err := http.Get(span + "&format=" + []string{"mp4", "fmp4"}[i%2])
			if err == nil {
				defer resp.Body.Close()
				bodies[i], err = io.ReadAll(resp.Body)
			}
			if err == nil && resp.StatusCode != http.StatusOK {
				err = fmt.Errorf("%s: %.300s", resp.Status, bodies[i])
			}
			failed[i] = err
		})
	}
	over := make(chan struct{})
	go func() { all.Wait(); close(over) }()
	for sending := true; sending; {
		select {
		case <-over:
			sending = false
		default:
			d.send(5 * time.Second)
		}
	}
	var decoded [8][]string
	for i, b := range bodies {
		require.NoError(t, failed[i])
		decodes(t, b)
		decoded[i] = pictures(t, b)
		require.Greater(t, len(decoded[i]), 2*25, "the footage that was there before")
	}
	longest := slices.MaxFunc(decoded[:], func(a, b []string) int { return len(a) - len(b) })
	for _, some := range decoded {
		require.Equal(t, longest[:len(some)], some)
	}
}
