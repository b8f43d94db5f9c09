package e2e

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// playbackServer is the listener for clients of MediaMTX's playback server.
type playbackServer struct {
	*recorder
	url string
}

// playback waits until the listener is open.
func (r *recorder) playback() playbackServer {
	r.t.Helper()
	return playbackServer{r, "http://" + r.await("answers the requests of MediaMTX's playback server").text("address")}
}

// mediaMTXSpan is an entry of the list.
type mediaMTXSpan struct {
	Start    time.Time
	Duration float64
	URL      string
}

func (s mediaMTXSpan) end() time.Time {
	return s.Start.Add(time.Duration(s.Duration * float64(time.Second)))
}

// ask sends a request without following a redirect; the headers are name, value, name, value.
func (p playbackServer) ask(target string, headers ...string) (code int, header http.Header, body []byte) {
	p.t.Helper()
	req, err := http.NewRequestWithContext(p.t.Context(), http.MethodGet, target, nil)
	require.NoError(p.t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	require.NoError(p.t, err)
	defer resp.Body.Close()
	body, err = io.ReadAll(resp.Body)
	require.NoError(p.t, err)
	return resp.StatusCode, resp.Header, body
}

// spans returns the list of a stream.
func (p playbackServer) spans(stream, query string) (spans []mediaMTXSpan) {
	p.t.Helper()
	code, header, body := p.ask(p.url + "/list?path=" + url.QueryEscape(stream) + query)
	require.Equal(p.t, 200, code, "%s", body)
	require.Equal(p.t, "application/json; charset=utf-8", header.Get("Content-Type"))
	require.NoError(p.t, json.Unmarshal(body, &spans), "%s", body)
	return spans
}

// numbersOf returns the burnt-in numbers of the pictures that ffmpeg decodes of a target.
func (p playbackServer) numbersOf(target string) []uint32 {
	p.t.Helper()
	code, header, body := p.ask(target)
	require.Equal(p.t, 200, code, "%s: %.300s", target, body)
	require.Equal(p.t, "video/mp4", header.Get("Content-Type"))
	file := filepath.Join(p.t.TempDir(), "a.mp4")
	require.NoError(p.t, os.WriteFile(file, body, 0o644))
	return frameNumbers(p.t, file, 320, 180)
}

func TestClientsOfMediaMTXGetTheSpansOfItsList(t *testing.T) {
	t.Parallel()
	for _, fragment := range []bool{false, true} {
		t.Run(fmt.Sprintf("fragment=%v", fragment), func(t *testing.T) {
			t.Parallel()
			r := serve(t, `{streams: {live/a: {pull: "testpattern://?size=320x180&fps=25&gop=25"}}, http: {mediamtx: {listen: "127.0.0.1:0"}}}`,
				"--set", "mp4/max_duration=2", "--set", fmt.Sprintf("mp4/fragment=%v", fragment))
			p := r.playback()
			r.start("live/a", "")
			eventually(t, "the third file grows", func() bool { return len(r.records("live/a")) == 3 && r.status("live/a").AccessUnits > 20 })
			p.growing()
			r.stop("live/a")
			stopped := time.Now()
			eventually(t, "a gap is long enough", func() bool { return time.Since(stopped) > 3*time.Second })
			r.start("live/a", "")
			r.awaitUnits("live/a", 60)
			r.stop("live/a")
			p.finished()
		})
	}
}

// growing requires that a recording is listed and sent while its last file grows.
func (p playbackServer) growing() {
	t := p.t
	t.Helper()
	first := p.spans("live/a", "")
	require.Len(t, first, 1, "the files of one run are joined")
	var later []mediaMTXSpan
	eventually(t, "the span grows", func() bool { later = p.spans("live/a", ""); return later[0].Duration > first[0].Duration })
	require.Equal(t, first[0].Start, later[0].Start)
	numbers := p.numbersOf(first[0].URL)
	require.Greater(t, len(numbers), 50, "without a redirect, by the URL of the list")
	consecutive(t, numbers)
	require.Equal(t, numbers, p.numbersOf(first[0].URL+"&format=mp4"))

	long := p.url + "/get?path=live/a&duration=3600&format=mp4&start=" + url.QueryEscape(first[0].Start.Format(time.RFC3339Nano))
	code, header, body := p.ask(long)
	require.Equal(t, 200, code)
	require.Equal(t, "none", header.Get("Accept-Ranges"), "the next answer is longer")
	require.Equal(t, fmt.Sprint(len(body)), header.Get("Content-Length"))
	code, header, _ = p.ask(long, "Range", "bytes=0-")
	require.Equal(t, 307, code, "a client that asks for ranges gets the URL of a file that does not change")
	pinned := p.url + header.Get("Location")
	code, header, whole := p.ask(pinned)
	require.Equal(t, 200, code, "%s", whole)
	code, part, tail := p.ask(pinned, "Range", "bytes=1000-", "If-Range", header.Get("ETag"))
	require.Equal(t, 206, code)
	require.Equal(t, header.Get("ETag"), part.Get("ETag"))
	require.Equal(t, whole[1000:], tail)
}

// finished requires the spans of two runs and their pictures.
func (p playbackServer) finished() {
	t := p.t
	t.Helper()
	recs := p.records("live/a")
	spans := p.spans("live/a", "")
	require.Len(t, spans, 2, "a gap splits: %v", recs)
	second := slices.IndexFunc(recs, func(r record) bool { return r.Start.After(spans[0].end()) })
	for i, part := range [][]record{recs[:second], recs[second:]} {
		require.WithinDuration(t, part[0].Start, spans[i].Start, time.Millisecond)
		require.WithinDuration(t, part[len(part)-1].End, spans[i].end(), time.Millisecond)
		var want []uint32
		for _, rec := range part {
			want = append(want, frameNumbers(t, p.path(rec.File), 320, 180)...)
		}
		require.Equal(t, want, p.numbersOf(spans[i].URL))
		require.Equal(t, want, p.numbersOf(spans[i].URL+"&format=fmp4"))
		require.Equal(t, want, p.numbersOf(spans[i].URL+"&format=mp4"))
	}
	all := p.numbersOf(spans[0].URL + "&format=mp4")
	from := "&start=" + url.QueryEscape(spans[0].Start.Format(time.RFC3339Nano))
	require.Equal(t, all, p.numbersOf(p.url+"/get?path=live/a&duration=3600&format=mp4"+from), "the answer ends at the gap")
	require.Equal(t, all[:25], p.numbersOf(p.url+"/get?path=live/a&duration=1s&format=mp4"+from), "a duration in the old form")
	code, header, body := p.ask(spans[0].URL+"&format=mp4", "Range", "bytes=100-199")
	require.Equal(t, 206, code, "a file that does not change has ranges")
	require.Equal(t, "bytes", header.Get("Accept-Ranges"))
	require.Len(t, body, 100)

	middle := spans[0].Start.Add(time.Second)
	within := p.spans("live/a", "&start="+url.QueryEscape(middle.Format(time.RFC3339Nano))+"&end="+url.QueryEscape(spans[1].Start.Add(time.Second).Format(time.RFC3339Nano)))
	require.Len(t, within, 2)
	require.Equal(t, middle, within[0].Start)
	require.InDelta(t, spans[0].Duration-1, within[0].Duration, 1e-6)
	require.InDelta(t, 1, within[1].Duration, 1e-6)
	for _, target := range []string{"/list?path=no/such", "/get?path=no/such&duration=1" + from, "/list?path=live/a&start=2100-01-01T00:00:00Z"} {
		code, _, body := p.ask(p.url + target)
		require.Equal(t, 404, code)
		require.JSONEq(t, `{"status":"error","error":"no recording segments found"}`, string(body))
	}
}

func consecutive(t *testing.T, numbers []uint32) {
	t.Helper()
	for i := range numbers {
		require.Equal(t, numbers[0]+uint32(i), numbers[i])
	}
}

func TestClientsOfMediaMTXSignIn(t *testing.T) {
	t.Parallel()
	const token = "a token of 16 characters"
	r := serveStatic(t, fmt.Sprintf("http:\n  mediamtx: {listen: '127.0.0.1:0', allow_origins: ['*']}\n  auth:\n    users: [{name: alice, password_hash: %q, roles: [view]}]\n    tokens: [{token: %q, roles: [view]}]\n", hashed(t, "a long secret"), token))
	r.expect("sign-in failed")
	p := r.playback()
	target := p.url + "/list?path=live/a"
	for _, c := range []struct {
		what, query, authorization string
		code                       int
	}{
		{"a password", "", basic("alice", "a long secret"), 404},
		{"a password as a bearer", "", "Bearer alice:a long secret", 404},
		{"a token", "", "Bearer " + token, 404},
		{"a token in the query", "&token=" + url.QueryEscape(token), "", 404},
		{"nothing", "", "", 401},
		{"a wrong password", "", basic("alice", "a long guess"), 401},
		{"a wrong token", "", "Bearer a token of 16 letters", 401},
		{"a wrong token in the query", "&token=guess", "", 401},
	} {
		code, header, body := p.ask(target+c.query, "Authorization", c.authorization, "Origin", "https://a.example")
		require.Equal(t, c.code, code, "%s: %s", c.what, body)
		require.Equal(t, "*", header.Get("Access-Control-Allow-Origin"))
		if code == 401 {
			require.JSONEq(t, `{"status":"error","error":"authentication error"}`, string(body))
		}
	}
	code, _, _ := p.ask(p.url+"/mp4/records", "Authorization", "Bearer "+token)
	require.Equal(t, 404, code, "the API is not here")
}
