package webhook

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/durable"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

func stageOf(t *testing.T, o *Outbox, cfg Config) pipeline.Transform[media.Recording, media.Recording] {
	t.Helper()
	env := pipelinetest.Env()
	env.Clock = o.clock
	pipeline.Provide(env.Services, o)
	s, err := newStage(pipeline.NewSettings(env, "p", "live/x", "webhook"), cfg)
	require.NoError(t, err)
	return s
}

// life returns the reports of a muxer about one file: begun, an event, the same event longer, finished.
func life(path string) []media.Recording {
	r := media.Recording{
		ID: media.NewID(time.Unix(1, 0)), Stream: "live/camera01", Pipeline: "p", Path: path,
		State: media.StateRecording, StartUTC: 1.7e18, EndUTC: 1.7e18,
	}
	begun := r
	begun.Path += media.PartSuffix
	e := media.Event{ID: media.EventID("live/camera01", "door"), Key: "door", Name: "door", AtUTC: 1.7e18 + 1e9}
	r.Events = []media.Event{e}
	marked := r
	e.EndUTC = 1.7e18 + 9e9
	r.Events = []media.Event{e}
	longer := r
	r.State, r.EndReason, r.EndUTC, r.DurationNS, r.SizeBytes = media.StateFinished, endcause.Stop, 1.7e18+10e9, 10.5e9, 1234
	return []media.Recording{begun, marked, longer, r}
}

func tell(t *testing.T, s pipeline.Transform[media.Recording, media.Recording], all []media.Recording) {
	t.Helper()
	var on []media.Recording
	for _, r := range all {
		require.NoError(t, s.Process(t.Context(), r, func(r media.Recording) error { on = append(on, r); return nil }))
	}
	require.NoError(t, s.Flush(t.Context(), nil))
	require.Equal(t, all, on, "recordings go on as they came")
}

func TestStageSendsEachNoticeOnce(t *testing.T) {
	noLeak(t)
	server := listen(t, accept)
	p := begin(t, t.TempDir(), newClock())
	cfg := defaults
	cfg.URL, cfg.Notify = config.NewURL(server.URL), []string{started, finished, event}
	tell(t, stageOf(t, p.Outbox, cfg), life("a b/c.mp4"))
	settled(t, p.Outbox)
	var types []string
	for _, b := range server.heard() {
		var s spoolPayload
		require.NoError(t, json.Unmarshal([]byte(b), &s))
		types = append(types, s.Type)
		require.Equal(t, "live/camera01", s.Stream)
		require.Equal(t, "/mp4/vod/a%20b/c.mp4?id="+s.Recording.ID, s.Recording.URL)
		if s.Type == "recording.finished" {
			require.Equal(t, [3]any{10.5, int64(1234), "stop"}, [3]any{s.Recording.Duration, s.Recording.Size, s.Recording.EndReason})
			require.Equal(t, "2023-11-14T22:13:30.000Z", s.Recording.End)
			require.Equal(t, "door", s.Recording.Events[0].Key)
		}
		if s.Type == "event" {
			require.Equal(t, "door", s.Event.Name)
		}
	}
	require.Equal(t, []string{"recording.started", "event", "recording.finished"}, types)
}

// Events beyond the ones that a file names are sent like those, each once.
func TestStageSendsEventsBeyondTheBoundOfAFile(t *testing.T) {
	noLeak(t)
	server := listen(t, accept)
	p := begin(t, t.TempDir(), newClock())
	cfg := defaults
	cfg.URL, cfg.Notify = config.NewURL(server.URL), []string{event}
	begun := life("c.mp4")[0]
	var all []media.Recording
	for n := range 3 {
		r := begun
		r.Beyond = []media.Event{{ID: media.ID{byte(n)}, Name: "beyond"}}
		all = append(all, r, r)
	}
	tell(t, stageOf(t, p.Outbox, cfg), all)
	settled(t, p.Outbox)
	require.Len(t, server.heard(), 3)
	for _, b := range server.heard() {
		require.Contains(t, b, `"name":"beyond"`)
	}
}

func TestStageSendsTheFormatOfZLMediaKit(t *testing.T) {
	noLeak(t)
	server := listen(t, accept)
	p := begin(t, t.TempDir(), newClock())
	cfg := defaults
	cfg.URL, cfg.Format, cfg.RecordPath = config.NewURL(server.URL), "zlmediakit", "/srv/rec"
	tell(t, stageOf(t, p.Outbox, cfg), life("cam/c.mp4"))
	settled(t, p.Outbox)
	require.Len(t, server.heard(), 1)
	require.JSONEq(t, `{"mediaServerId":"spool","vhost":"__defaultVhost__","app":"live","stream":"camera01",
		"file_name":"c.mp4","file_path":"/srv/rec/cam/c.mp4","folder":"/srv/rec/cam/","file_size":1234,
		"start_time":1700000000,"time_len":10.5,"url":"mp4/vod/cam/c.mp4"}`, server.heard()[0])
}

// The recording does not wait for a notice: the log reports a disk that cannot store it, and the notice is sent from
// memory. A notice without room in memory is counted as dropped.
func TestStageGoesOnWhenANoticeCannotBeStored(t *testing.T) {
	noLeak(t)
	dir := t.TempDir()
	p := begin(t, dir, newClock())
	server := listen(t, accept)
	require.NoError(t, os.RemoveAll(dir))
	cfg := defaults
	cfg.URL = config.NewURL(server.URL)
	s := stageOf(t, p.Outbox, cfg)
	tell(t, s, life("a.mp4"))
	settled(t, p.Outbox)
	require.Len(t, server.heard(), 2)
	require.Zero(t, p.held)
	p.held = maxUnstored
	tell(t, s, life("b.mp4"))
	var r pipeline.Report
	s.(pipeline.Reporter).Report(&r)
	require.Equal(t, []string{"1 notices could not be stored and are lost: the log says why"}, r.Warnings)
}

// A secret that the environment lacks is a problem before the first notice. Nothing is sent unsigned.
func TestAMissingSecretIsAProblem(t *testing.T) {
	noLeak(t)
	p := begin(t, t.TempDir(), newClock())
	server := listen(t, accept)
	for value, want := range map[string]string{"": "the secret is empty: nothing is sent unsigned", "whsec_!": "is not base64", "good": ""} {
		t.Setenv("SPOOL_TEST_SECRET", value)
		cfg := defaults
		cfg.URL, cfg.SecretEnv = config.NewURL(server.URL), "SPOOL_TEST_SECRET"
		var r pipeline.Report
		stageOf(t, p.Outbox, cfg).(pipeline.Reporter).Report(&r)
		if want == "" {
			require.Empty(t, r.Problems)
			continue
		}
		require.Len(t, r.Problems, 1)
		require.Equal(t, "webhook_secret", r.Problems[0].Problem)
		require.Contains(t, r.Problems[0].Cause, "environment variable SPOOL_TEST_SECRET: ")
		require.Contains(t, r.Problems[0].Cause, want)
		require.Equal(t, p.clock.Now(), r.Problems[0].Since)
		require.Contains(t, r.Problems[0].Remedy, "secret_file")
	}
}

// The notice is on the disk before the next stage gets the recording.
func TestNoticeIsStoredBeforeTheRecordingGoesOn(t *testing.T) {
	noLeak(t)
	dir := t.TempDir()
	p := begin(t, dir, pipeline.SystemClock)
	cfg := defaults
	cfg.URL = config.NewURL("http://127.0.0.1:1")
	boom := errors.New("boom")
	all := life("a.mp4")
	err := stageOf(t, p.Outbox, cfg).Process(context.Background(), all[3], func(media.Recording) error {
		require.Equal(t, 2, files(t, dir), "the event and the end")
		return boom
	})
	require.ErrorIs(t, err, boom)
}

func TestStageRefusesWhatCouldNeverArrive(t *testing.T) {
	for text, want := range map[string]string{
		"{}":                                               "url: is not a URL that can receive a POST",
		"{url: 'ftp://h/x'}":                               "url: is not a URL",
		"{url: '/path'}":                                   "url: is not a URL",
		"{url: 'http://h', notify: []}":                    "notify: is empty",
		"{url: 'http://h', notify: [finish]}":              "finish",
		"{url: 'http://h', format: xml}":                   "xml",
		"{url: 'http://h', timeout: 0}":                    "timeout",
		"{url: 'http://h', give_up: 5s}":                   "give_up",
		"{url: 'http://h', secret_env: A, secret_file: b}": "second secret",
	} {
		n, err := config.Parse("t.yaml", []byte(text))
		require.NoError(t, err)
		cfg := defaults
		require.ErrorContains(t, n.Decode(&cfg).Err(), want, text)
	}
}

// A file of the outbox may be damaged in any way: reading it never panics, and an accepted notice can be sent.
func FuzzReadNotice(f *testing.F) {
	f.Add([]byte(`{"id":"a","target":"ab","host":"h","body":{},"created_ns":1}`))
	f.Add([]byte(`{"id":"a","target":"ab","body":"x","timeout":"10s"}`))
	f.Add([]byte(``))
	dir := f.TempDir()
	o := &Outbox{disk: durable.Disk{}, dir: dir, find: func(string) (Target, bool) { return Target{URL: "http://h"}, true }}
	f.Fuzz(func(t *testing.T, b []byte) {
		require.NoError(t, os.WriteFile(dir+"/x", b, 0o600))
		n, _, err := o.read("x")
		if err == nil {
			require.NotEmpty(t, n.Body)
			hostOf(n.Target.URL)
		}
	})
}
