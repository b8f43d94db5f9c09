package hls

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback/hls/hlscheck"
	"github.com/gospool/spool/pipeline/media"
)

// record publishes a film in real time until the test ends, and records it. It returns the address of a playlist without an end, of
// segments of a second or more, that has segments.
func (s *station) record(film string) string {
	s.t.Helper()
	const stream = "live/event"
	q := url.Values{"start": {time.Now().Format(time.RFC3339Nano)}, "segment": {"1"}}
	resp, err := http.Post(s.api+"/mp4/start/"+stream+"?wait=true", "", nil)
	require.NoError(s.t, err)
	require.NoError(s.t, resp.Body.Close())
	require.Equal(s.t, http.StatusOK, resp.StatusCode)
	ctx, stop := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "ffmpeg", "-nostdin", "-v", "error", "-re", "-i", film, "-c", "copy", "-f", "rtsp", "-rtsp_transport", "tcp", s.rtsp+"/"+stream)
	require.NoError(s.t, cmd.Start())
	s.t.Cleanup(func() { stop(); _ = cmd.Wait() }) // it is killed
	address := "/mp4/hls/" + stream + "/index.m3u8?" + q.Encode()
	s.await("the first segments", func() bool {
		code, _ := s.get(address)
		return code == http.StatusOK
	})
	return s.api + address
}

// await waits for an event that must happen.
func (s *station) await(what string, happened func() bool) {
	s.t.Helper()
	require.Eventually(s.t, happened, patience, 100*time.Millisecond, what)
}

// A playlist of the type EVENT keeps its lines when a recording in it is deleted; the segments are gone. Who asks for it anew gets what is
// there.
func TestAnEventKeepsItsLines(t *testing.T) {
	t.Parallel()
	s := newStation(t, t.TempDir(), "--set", "mp4/max_duration=3")
	index := s.record(film(t, look{size: "320x180", seconds: 60, gop: 25}))
	p, err := hlscheck.Check(t.Context(), http.DefaultClient, index)
	require.NoError(t, err)
	require.NoError(t, p.Fault())
	first := s.rows()[0]
	at := p.Media[0].URL.RequestURI()
	require.Contains(t, at, "first="+first.ID)
	text := func() string {
		code, body := s.get(at)
		require.Equal(t, http.StatusOK, code, "%s", body)
		return string(body)
	}
	s.await("the second file is in the playlist", func() bool { return strings.Count(text(), "EXT-X-MAP") > 1 })
	before := text()
	require.True(t, strings.HasPrefix(before, p.Media[0].Text))
	segments, err := hlscheck.CheckMedia(t.Context(), http.DefaultClient, p.Media[0].URL)
	require.NoError(t, err)
	require.NoError(t, segments.Fault())

	req, err := http.NewRequestWithContext(t.Context(), http.MethodDelete, s.api+"/mp4/records/"+first.ID, nil)
	require.NoError(t, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode)
	code, _ := s.get(segments.Media[0].Segments[0].URL.RequestURI())
	require.Equal(t, http.StatusNotFound, code, "its segments are gone")
	s.await("further segments", func() bool { return len(text()) > len(before) })
	require.True(t, strings.HasPrefix(text(), before), "the lines of the deleted recording stay:\n%s\n%s", before, text())

	code, fresh := s.get(strings.TrimPrefix(index, s.api))
	require.Equal(t, http.StatusOK, code, "%s", fresh)
	require.NotContains(t, string(fresh), first.ID, "a playlist that is fetched first now begins with what is there")
	lost := strings.Replace(at, first.ID, media.NewID(time.Now()).String(), 1)
	code, answer := s.get(lost)
	require.Equal(t, http.StatusGone, code, "%s", answer)
	require.True(t, json.Valid(answer))
	code, _ = s.get(strings.Replace(at, first.ID, "x", 1))
	require.Equal(t, http.StatusBadRequest, code)
}
