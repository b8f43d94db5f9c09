//go:build linux

package server

import (
	"fmt"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback/browsertest"
	"github.com/gospool/spool/stages/ingest/testpattern"
)

// gate makes the answers to one URL slow after some bytes, until the client asks for a range that begins behind them. It does not stop them:
// Chromium may wait for the bytes of a read, which it should give up, before it seeks.
type gate struct {
	http.Handler
	url  string
	once sync.Once
	open chan struct{}
}

const (
	gateBytes = 1 << 20
	gateRest  = 2 * time.Second // before each further write, which is a block of Chromium's cache
)

func (g *gate) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.RequestURI() != g.url {
		g.Handler.ServeHTTP(w, r)
		return
	}
	from, _, ranged := strings.Cut(strings.TrimPrefix(r.Header.Get("Range"), "bytes="), "-")
	if at, err := strconv.Atoi(from); ranged && err == nil && at > gateBytes {
		g.once.Do(func() { close(g.open) })
	}
	g.Handler.ServeHTTP(&gated{ResponseWriter: w, gate: g, done: r.Context().Done()}, r)
}

// gated is an answer that passes the gate.
type gated struct {
	http.ResponseWriter
	gate *gate
	done <-chan struct{}
	sent int
}

func (g *gated) Unwrap() http.ResponseWriter { return g.ResponseWriter }

func (g *gated) Write(b []byte) (int, error) {
	if g.sent += len(b); g.sent > gateBytes {
		select {
		case <-g.gate.open:
		case <-g.done:
		case <-time.After(gateRest):
		}
	}
	return g.ResponseWriter.Write(b)
}

// TestBrowsersPlaySpans plays spans of a stream in Chromium and Firefox, over a gap that is kept, over a change of the resolution, and up to
// the end of the growing file. The numbers of the test pattern tell which pictures are shown.
func TestBrowsersPlaySpans(t *testing.T) {
	t.Parallel()
	const second, frame = int64(time.Second), int64(time.Second) / 25
	r := start(t, t.TempDir(), `
mp4: {filename_pattern: "{stream}/{timestamp}_{ms}.mp4"}
streams: {live/day: {}}
pipelines: {default: {record: always, stages: [source: {}, gop_ring: {}, segmenter: {}, mp4: {}, metadata: {}]}}
`, 0, true)
	d := &day{fixture: r, path: "live/day", o: testpattern.Default(), utc: time.Now().Add(-time.Hour).Truncate(time.Second).UnixNano()}
	d.o.Channels, d.o.Bitrate = 1, 4_000_000
	begin := d.utc
	d.connect(320, 180) // pictures 0 to 149, with a key frame each 2 s
	d.send(6 * time.Second)
	d.leave(5 * time.Second)
	d.connect(320, 180) // 150 to 249, from 11 s on
	d.send(4 * time.Second)
	change := d.utc
	d.describe(640, 360) // 250 and more, from 15 s on; the file still grows
	d.send(14 * time.Second)
	span := func(from, to int64, more string) string {
		return fmt.Sprintf("/mp4/play/%s?start=%s&end=%s%s", d.path, stamp(from), stamp(to), more)
	}
	kept := span(begin, change, "&gaps=keep")
	trimmed := span(begin+37*frame-frame/2, change, "&gaps=keep") // the key frame before it is number 0
	split := d.fetch(span(change-4*second, change+2*second, "&split=true"))
	next, _, _ := strings.Cut(strings.TrimPrefix(split.header.Get("Link"), "<"), ">")
	growing := fmt.Sprintf("/mp4/play/%s?start=%s", d.path, stamp(change+2*second-frame/2))

	target, err := url.Parse(d.apiURL())
	require.NoError(t, err)
	for _, browser := range browsertest.Names {
		t.Run(browser, func(t *testing.T) {
			server := &gate{Handler: httputil.NewSingleHostReverseProxy(target), url: kept + "&download=false", open: make(chan struct{})}
			type places = []browsertest.Place
			seen := browsertest.Play(t, browser, server,
				browsertest.Task{URL: server.url, Seeks: places{{14.98, 249}, {0.02, 0}}},
				browsertest.Task{URL: kept, Rate: 4, Seeks: places{{8, 149}, {0.02, 0}, {10.98, 149}, {3.02, 75}, {5.98, 149}, {11.02, 150}, {14.98, 249}}},
				browsertest.Task{URL: split.url, Rate: 4, Seeks: places{{0.02, 150}, {3.98, 249}}},
				browsertest.Task{URL: next, Rate: 4, Seeks: places{{0.02, 250}, {1.98, 299}}},
				browsertest.Task{URL: growing, Seeks: places{{1.02, 325}}},
			)
			select {
			case <-server.open:
			default:
				require.Fail(t, "the player has not asked for the range that it seeks to")
			}
			whole, first, second, grown := seen[1], seen[2], seen[3], seen[4]
			frame := time.Duration(frame).Seconds()
			require.InDelta(t, 15, whole.Duration, frame)
			require.Zero(t, whole.First)
			require.InDelta(t, 4, first.Duration, frame)
			require.Equal(t, []string{"320x180"}, first.Sizes)
			require.InDelta(t, 2, second.Duration, frame)
			require.Equal(t, []string{"640x360"}, second.Sizes)
			require.Equal(t, 300, grown.First)

			if browser == "firefox" { // it shows the pictures that the edit list hides
				return
			}
			cut := browsertest.Play(t, browser, server,
				browsertest.Task{URL: trimmed, Seeks: places{{6, 149}, {0.02, 37}, {9.5, 149}, {4.48, 149}, {9.54, 150}, {13.5, 249}}})[0]
			require.InDelta(t, 15-37*frame, cut.Duration, frame)
			require.Equal(t, 37, cut.First, "the picture at start, and not the key frame before it")
		})
	}
}
