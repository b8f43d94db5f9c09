package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

type declaredPipeline struct {
	Name, Origin, Record, Declaration string
	Stages, Recording                 []string
	Held                              bool
}

func (r *recorder) pipelines() map[string]declaredPipeline {
	r.t.Helper()
	out := map[string]declaredPipeline{}
	for _, p := range answer[struct{ Pipelines []declaredPipeline }](r, "GET", "/mp4/pipelines").Pipelines {
		out[p.Name] = p
	}
	return out
}

const (
	inYAML    = "application/yaml"
	clipYAML  = "streams: [live/a]\nrecord: always\nstages: [source, gop_ring, segmenter, mp4: {fragment: true}, metadata]\n"
	clipJSON  = `{"streams":["live/a"],"record":"always","stages":[{"source":{}},{"gop_ring":{}},{"segmenter":{}},{"mp4":{"fragment":true}},{"metadata":{}}]}`
	pullLiveA = "streams: {live/a: {pull: '" + pulledPattern + "'}}\n"
)

// A pipeline is made by API, records, survives a restart, is stopped, started, and deleted.
func TestPipelineMadeByAPI(t *testing.T) {
	t.Parallel()
	r := serve(t, pullLiveA)
	require.Equal(t, "mp4", r.pipelines()["default"].Origin)

	resp, body := r.send("PUT", "/mp4/pipelines/clips?dry_run=true", clipYAML, "Content-Type", inYAML)
	require.Equal(t, 200, resp.StatusCode, body)
	require.Contains(t, body, `"status":"created","dry_run":true`)
	require.NotContains(t, r.pipelines(), "clips")
	resp, body = r.send("PUT", "/mp4/pipelines/clips", clipYAML, "Content-Type", inYAML)
	require.Equal(t, 200, resp.StatusCode, body)
	r.awaitUnits("live/a", 25)
	resp, body = r.send("PUT", "/mp4/pipelines/clips", clipJSON, "Content-Type", "application/json")
	require.Equal(t, 200, resp.StatusCode, body)
	require.Contains(t, body, `"status":"unchanged"`)
	require.Len(t, r.records("live/a"), 1, "the same declaration in JSON drains nothing")
	require.Equal(t, declaredPipeline{
		Name: "clips", Origin: "api", Record: "always", Stages: []string{"source", "gop_ring", "segmenter", "mp4", "metadata"},
		Recording: []string{"live/a"}, Declaration: r.pipelines()["clips"].Declaration,
	}, r.pipelines()["clips"])

	require.Equal(t, 0, r.signal(syscall.SIGTERM))
	again := launch(t, racyBinary, r.dir, "")
	again.awaitUnits("live/a", 25)
	require.Equal(t, "api", again.pipelines()["clips"].Origin)

	again.says("POST", "/mp4/pipelines/clips/stop", 200, `{"status":"stopped","name":"clips","recordings":1}`)
	require.True(t, again.pipelines()["clips"].Held)
	again.says("GET", "/mp4/list", 200, `{"status":"success","recordings":[],"count":0}`)
	again.says("POST", "/mp4/pipelines/clips/start", 200, `{"status":"started","name":"clips","recordings":1}`)
	again.awaitUnits("live/a", 25)
	again.says("POST", "/mp4/pipelines/clips/drain", 200, `{"status":"stopped","name":"clips","recordings":1}`)
	fragmented(t, again.path(again.awaitRecords("live/a", 3)[2].File))

	resp, body = again.send("DELETE", "/mp4/pipelines/clips", "")
	require.Equal(t, 200, resp.StatusCode, body)
	require.NotContains(t, again.pipelines(), "clips")
	kept, err := os.ReadFile(filepath.Join(again.files, ".spool-pipelines.yaml"))
	require.NoError(t, err)
	require.NotContains(t, string(kept), "clips:")
}

func TestBadPipelinesAreRefused(t *testing.T) {
	t.Parallel()
	r := serve(t, pullLiveA+"pipelines: {own: {stages: [source, gop_ring, segmenter, mp4, metadata]}}\n")
	before := r.pipelines()
	for text, want := range map[string]string{
		"stages: [source, segmenter, mp4, metdata]":     "did you mean metadata?",
		"stages: [source, gop_ring: {before: minus}]":   "is no duration",
		"stages: [source, mp4, metadata]":               "put segmenter between them",
		"stages: [source\n":                             "not YAML",
		"streams: ['a//b']\nstages: [source, metadata]": "empty segment",
		"": "stages",
	} {
		for query, code := range map[string]int{"": 422, "?dry_run=true": 200} {
			resp, body := r.send("PUT", "/mp4/pipelines/bad"+query, text, "Content-Type", inYAML)
			require.Equal(t, code, resp.StatusCode, body)
			require.Contains(t, body, want, text)
		}
	}
	resp, body := r.send("PUT", "/mp4/pipelines/a%20b", clipYAML, "Content-Type", inYAML)
	require.Equal(t, http.StatusUnprocessableEntity, resp.StatusCode, body)
	resp, _ = r.send("PUT", "/mp4/pipelines/x", clipYAML, "Content-Type", "text/html")
	require.Equal(t, http.StatusUnsupportedMediaType, resp.StatusCode)
	r.failsWith("DELETE", "/mp4/pipelines/own", http.StatusConflict)
	r.failsWith("DELETE", "/mp4/pipelines/none", http.StatusNotFound)
	r.failsWith("POST", "/mp4/pipelines/none/start", http.StatusNotFound)
	r.failsWith("GET", "/mp4/pipelines/none", http.StatusNotFound)
	require.Equal(t, before, r.pipelines())
}

type planned struct {
	Streams []struct {
		Stream, Why, Job, Until string
		Record                  bool
	}
	Next []struct{ At, Local, Until, Job, Stream, Action string }
}

// A schedule's present window is recorded from the start of the process, also after a restart,
// and a manual stop remains in effect until its end.
func TestScheduledWindowThatIsNow(t *testing.T) {
	t.Parallel()
	hour := (time.Now().UTC().Hour() + 9 + 12) % 24 // in Tokyo: the windows begin at the other end of the day
	config := pullLiveA + fmt.Sprintf(`crontab: {jobs: [{name: all day, cron: "0 %d * * *", action: record_start, stream: live/a, duration: 24h, timezone: Asia/Tokyo}]}`, hour)
	r := serve(t, config)
	r.awaitUnits("live/a", 25)
	plan := answer[planned](r, "GET", "/mp4/schedule?limit=3")
	require.Len(t, plan.Next, 3)
	require.Equal(t, "all day", plan.Next[0].Job)
	require.Contains(t, plan.Next[0].Local, fmt.Sprintf("T%02d:00:00+09:00", hour))
	require.True(t, plan.Streams[0].Record)
	require.Equal(t, "now is in a window of all day", plan.Streams[0].Why)
	require.Equal(t, 0, r.signal(syscall.SIGTERM))

	again := launch(t, racyBinary, r.dir, "")
	again.awaitUnits("live/a", 25)
	again.stop("live/a")
	eventually(t, "the stop is known", func() bool { return !answer[planned](again, "GET", "/mp4/schedule").Streams[0].Record })
	again.says("GET", "/mp4/list", 200, `{"status":"success","recordings":[],"count":0}`)
	require.Equal(t, 0, again.signal(syscall.SIGTERM))

	again = launch(t, racyBinary, r.dir, "")
	require.Contains(t, answer[planned](again, "GET", "/mp4/schedule").Streams[0].Why, "stopped by hand")
	again.configure(pullLiveA)                     // removes the jobs
	answer[reloaded](again, "POST", "/mp4/reload") // reports no change if the watch of the file was faster
	require.Empty(t, answer[planned](again, "GET", "/mp4/schedule").Streams)
	recs := again.awaitRecords("live/a", 2)
	require.Len(t, recs, 2)
	require.Equal(t, []string{"shutdown", "stop"}, []string{recs[0].EndReason, recs[1].EndReason})
}

// A job of the crontab triggers an event like one of a request.
func TestScheduledEvent(t *testing.T) {
	t.Parallel()
	r := serve(t, pullLiveA+`pipelines: {clips: {record: event, stages: [source, gop_ring: {before: 1s, after: 1s}, segmenter, mp4, metadata]}}
crontab: {jobs: [{name: tick, cron: "@every 4s", action: event, stream: live/a}]}
`)
	r.expect("a scheduled event was not raised") // before the stream is published
	rec := r.awaitRecords("live/a", 1)[0]
	require.Equal(t, "event_end", rec.EndReason)
	events := answer[struct{ Events []struct{ Name string } }](r, "GET", "/mp4/events?stream=live/a")
	require.NotEmpty(t, events.Events)
	require.Equal(t, "tick", events.Events[0].Name)
}

// Pipelines made by API survive a reload and a restart, and a refused reload changes nothing.
func TestReloadKeepsPipelinesMadeByAPI(t *testing.T) {
	t.Parallel()
	const own = "pipelines: {own: {stages: [source, gop_ring, segmenter, mp4, metadata]}"
	r := serveStatic(t, own+"}\n")
	for _, name := range []string{"one", "two"} {
		resp, body := r.send("PUT", "/mp4/pipelines/"+name, clipYAML, "Content-Type", inYAML)
		require.Equal(t, 200, resp.StatusCode, body)
	}
	byAPI := func(r *recorder) (names []string) {
		for name, p := range r.pipelines() {
			if p.Origin == "api" {
				names = append(names, name)
			}
		}
		return names
	}
	require.ElementsMatch(t, []string{"one", "two"}, byAPI(r))

	r.configure(own + ", more: {stages: [source, gop_ring, segmenter, mp4, metadata]}}\n")
	require.Equal(t, 200, func() int { resp, _ := r.send("POST", "/mp4/reload", ""); return resp.StatusCode }())
	require.Contains(t, r.pipelines(), "more")
	require.ElementsMatch(t, []string{"one", "two"}, byAPI(r))
	before := r.pipelines()

	r.expect("the configuration is refused") // the file is watched as well
	r.configure(own + ", third: {stages: [source, gop_ring, segmenter, mp4, metadata]}}\nmp4: {record_path: elsewhere, max_duration: 7}\n")
	resp, body := r.send("POST", "/mp4/reload", "")
	require.Equal(t, http.StatusUnprocessableEntity, resp.StatusCode, body)
	require.Contains(t, body, "mp4/record_path")
	require.Contains(t, body, "the directory of recordings cannot change while spool runs")
	require.Equal(t, before, r.pipelines(), "nothing of it was applied")
	require.NoDirExists(t, filepath.Join(r.dir, "elsewhere"))

	require.Equal(t, 0, r.signal(syscall.SIGTERM))
	r = launch(t, staticBinary, r.dir, own+"}\n")
	require.ElementsMatch(t, []string{"one", "two"}, byAPI(r))
	require.Len(t, r.pipelines(), 4, "with those of the blocks mp4 and egress")
}
