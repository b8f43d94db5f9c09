package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest/rtsp/rtsptest"
)

// Clients that may start recordings arm at most memory.max_armed unpublished names, by starts or
// by events.
func TestUnpublishedArmedNamesAreBounded(t *testing.T) {
	t.Parallel()
	const most = 20
	r := serveStatic(t, fmt.Sprintf(`
memory: {max_armed: %d}
streams: {live/configured: {}}
pipelines:
  hand: {streams: ["**"], stages: [source, gop_ring, segmenter, mp4, metadata]}
  event: {record: event, streams: ["**"], stages: [source, gop_ring, segmenter, mp4, metadata]}
`, most))
	for n := range most {
		r.arms(fmt.Sprint("nobody/", n))
	}
	refused := func(code int, text []byte) {
		require.Equal(t, http.StatusConflict, code, "%s", text)
		for _, part := range []string{"20 streams", "memory.max_armed", "/mp4/stop/", "/mp4/list"} {
			require.Contains(t, string(text), part)
		}
	}
	for n := range 5 {
		refused(r.ask("POST", fmt.Sprintf("/mp4/start/further/%d?wait=true", n)))
	}
	res, err := http.Post(r.api+"/mp4/event/further/event", "application/json", strings.NewReader(`{"wait": 30}`))
	require.NoError(t, err)
	text := make([]byte, 4096)
	n, _ := res.Body.Read(text)
	require.NoError(t, res.Body.Close())
	refused(res.StatusCode, text[:n])

	r.arms("nobody/0")        // armed already
	r.arms("live/configured") // not an unknown name
	figures := r.figures()
	require.Equal(t, "20", figures["spool_armed_streams"])
	require.Equal(t, "20", figures["spool_armed_streams_max"])
	require.Equal(t, "6", figures["spool_armed_streams_refused_total"])
	r.stop("nobody/0")
	r.arms("further/0")
}

// arms starts the recording of a stream that is not published.
func (r *recorder) arms(name string) {
	r.t.Helper()
	code, text := r.ask("POST", "/mp4/start/"+name+"?wait=true")
	require.Equal(r.t, http.StatusOK, code, "%s", text)
}

// figures returns the lines of GET /metrics by series.
func (r *recorder) figures() map[string]string {
	r.t.Helper()
	code, text := r.ask("GET", "/metrics")
	require.Equal(r.t, http.StatusOK, code)
	out := map[string]string{}
	for line := range strings.Lines(string(text)) {
		if at := strings.LastIndexByte(line, ' '); at > 0 && line[0] != '#' {
			out[line[:at]] = strings.TrimSpace(line[at:])
		}
	}
	return out
}

// With thousands of armed names every response arrives, and its size is bounded.
func TestThousandsOfArmedNamesStopNoAnswer(t *testing.T) {
	t.Parallel()
	const names, series, most = 4300, 100, 1<<20 + 4096
	name := func(n int) string {
		return fmt.Sprintf("nobody%s/%04d", strings.Repeat("/"+strings.Repeat("x", 120), 2), n)
	}
	r := serveStatic(t, fmt.Sprintf("memory: {max_armed: 0, max_series: %d}\n", series))
	for n := range names {
		r.arms(name(n))
	}
	figures := r.figures()
	of := map[string]bool{}
	for name := range figures {
		if m := regexp.MustCompile(`stream="([^"]*)"`).FindStringSubmatch(name); m != nil {
			of[m[1]] = true
		}
	}
	require.Len(t, of, series+1)
	require.Equal(t, fmt.Sprint(names-series), figures["spool_streams_without_series"])
	require.Equal(t, fmt.Sprint(names-series), figures[`spool_stream_subscribers{stream="/others"}`])
	for _, path := range []string{
		"/mp4/list", "/mp4/streams", "/mp4/status/" + name(1), "/mp4/pipelines", "/mp4/schedule", "/mp4/health", "/mp4/retention",
		"/mp4/records", "/mp4/vod", "/mp4/events", "/mp4/connections", "/readyz", "/mp4/",
	} {
		code, text := r.ask("GET", path)
		require.Equal(t, http.StatusOK, code, "%s: %s", path, text)
		require.LessOrEqual(t, len(text), most, path)
	}
	for path, list := range map[string]string{"/mp4/list": "recordings", "/mp4/streams": "streams"} {
		seen, bytes, cursor := 0, 0, ""
		for {
			_, text := r.ask("GET", path+cursor)
			bytes += len(text)
			var page map[string]json.RawMessage
			require.NoError(t, json.Unmarshal(text, &page))
			require.Equal(t, fmt.Sprint(names), string(page["total"]))
			var rows []json.RawMessage
			require.NoError(t, json.Unmarshal(page[list], &rows))
			require.NotEmpty(t, rows)
			if seen += len(rows); page["next"] == nil {
				break
			}
			var next string
			require.NoError(t, json.Unmarshal(page["next"], &next))
			cursor = "?cursor=" + next
		}
		require.Equal(t, names, seen, path)
		require.Greater(t, bytes, most, "%s: one response could have held all", path)
	}
}

// Names that were published once stay listed as offline, and have no series beyond the limit.
func TestNamesThatWerePublishedOnceAreOffline(t *testing.T) {
	t.Parallel()
	const names, series = 30, 5
	r := serveStatic(t, fmt.Sprintf("memory: {max_series: %d}\n", series))
	clips, err := filmed()
	require.NoError(t, err)
	for n := range names {
		p, err := rtsptest.Publish(strings.TrimPrefix(r.rtsp, "rtsp://"), fmt.Sprint("once/", n), rtsptest.Login{}, clips[rtsptest.H264])
		require.NoError(t, err)
		require.NoError(t, p.Send(25))
		r.figures()
		require.NoError(t, p.Leave())
		of := map[string]bool{}
		for name := range r.figures() {
			if m := regexp.MustCompile(`stream="(once[^"]*)"`).FindStringSubmatch(name); m != nil {
				of[m[1]] = true
			}
		}
		require.LessOrEqual(t, len(of), series)
	}
	eventually(t, "each is offline", func() bool {
		listed := answer[struct{ Streams []stream }](r, "GET", "/mp4/streams").Streams
		return len(listed) == names && !slices.ContainsFunc(listed, func(s stream) bool { return s.State != "offline" })
	})
}
