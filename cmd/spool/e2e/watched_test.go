package e2e

import (
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The pipelines with the stage live say who may watch which stream, by which output. They are declared, held and deleted as all
// others.
func TestPipelinesServeTheClientsThatWatch(t *testing.T) {
	t.Parallel()
	r := serve(t, "streams: {live/a: {pull: '"+pulledPattern+"'}}\n")
	r.expect("max_readers of pipeline door", "not by rtsp")
	all := r.pipelines()["default-live"]
	require.Equal(t, []string{"source", "live"}, all.Stages)
	require.Equal(t, "egress watched", all.Origin+" "+all.Record)
	require.Contains(t, all.Declaration, "window: 30s")

	resp, body := r.send("PUT", "/mp4/pipelines/door", "streams: [live/a]\nstages: [source, live: {outputs: [fmp4], max_readers: 1}]\n", "Content-Type", inYAML)
	require.Equal(t, http.StatusOK, resp.StatusCode, body)
	code, text := r.ask("GET", "/mp4/live/live/a/index.m3u8")
	require.Equal(t, http.StatusNotFound, code)
	require.Contains(t, string(text), "pipeline door serves this stream by fmp4, not by hls")
	v := r.watch("live/a")
	code, text = r.ask("GET", "/mp4/live/live/a.mp4")
	require.Equal(t, http.StatusServiceUnavailable, code, "%s", text)
	require.Contains(t, string(text), "max_readers of pipeline door")
	out, err := exec.Command("ffmpeg", "-v", "error", "-rtsp_transport", "tcp", "-i", r.rtsp+"/live/a", "-t", "1", "-f", "null", "-").CombinedOutput()
	require.Error(t, err)
	require.Contains(t, string(out), "404")
	require.Empty(t, r.records("live/a"), "nothing is recorded")

	for _, name := range []string{"door", "default-live"} {
		r.says("POST", "/mp4/pipelines/"+name+"/stop", 200, `{"status":"stopped","name":"`+name+`","recordings":0}`)
	}
	<-v.done
	code, text = r.ask("GET", "/mp4/live/live/a.mp4")
	require.Equal(t, http.StatusNotFound, code)
	require.Contains(t, string(text), "pipelines default-live, door are held")
	r.says("POST", "/mp4/pipelines/default-live/start", 200, `{"status":"started","name":"default-live","recordings":0}`)
	v = r.watch("live/a")
	resp, body = r.send("DELETE", "/mp4/pipelines/door", "")
	require.Equal(t, http.StatusOK, resp.StatusCode, body)
	require.Contains(t, string(r.fetched(strings.Split(r.playlistOf("live/a"), "?")[0])), "#EXTM3U", "it is watched by the default one again")
	select {
	case <-v.done:
		t.Fatal("the client of a pipeline that stays was sent away")
	default:
	}

	resp, body = r.send("PUT", "/mp4/pipelines/all", "streams: ['**']\nrecord: watched\nstages: [source, segmenter, mp4, metadata]\n", "Content-Type", inYAML)
	require.Equal(t, http.StatusUnprocessableEntity, resp.StatusCode)
	require.Contains(t, body, "declaration:3:34")
}

// Where the configuration declares what is watched, it declares all of it.
func TestOnlyDeclaredStreamsAreWatched(t *testing.T) {
	t.Parallel()
	r := serve(t, "streams: {live/a: {pull: '"+pulledPattern+"'}, live/b: {pull: '"+pulledPattern+"'}}\npipelines: {live: {streams: [live/a], stages: [source, live]}}\n")
	require.NotContains(t, r.pipelines(), "default-live")
	require.Contains(t, r.pipelines(), "default", "it declares nothing that records")
	r.playlistOf("live/a")
	for _, name := range []string{"/index.m3u8", ".mp4"} {
		code, text := r.ask("GET", "/mp4/live/live/b"+name)
		require.Equal(t, http.StatusNotFound, code)
		require.Contains(t, string(text), "live/b: no pipeline with record: watched has this stream")
	}
}
