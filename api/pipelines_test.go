package api

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/recorder"
)

// board is a list of pipelines that remembers the calls.
type board struct {
	asked    []string
	list     []Pipeline
	declared Declared
	reloaded Reloaded
	err      error

	described int // pipelines
}

func (b *board) ask(format string, a ...any) { b.asked = append(b.asked, fmt.Sprintf(format, a...)) }

func (b *board) List() (names []string, describe func(i int) Pipeline) {
	for _, p := range b.list {
		names = append(names, p.Name)
	}
	return names, func(i int) Pipeline {
		b.described++
		return b.list[i]
	}
}

func (b *board) Declare(_ context.Context, name string, text []byte, dryRun bool) (Declared, error) {
	b.ask("declare %s %s %v", name, text, dryRun)
	return b.declared, b.err
}

func (b *board) Remove(_ context.Context, name string, dryRun bool) (Declared, error) {
	b.ask("remove %s %v", name, dryRun)
	return b.declared, b.err
}

func (b *board) Start(_ context.Context, name string) (int, error) {
	b.ask("start %s", name)
	return 3, b.err
}

func (b *board) Stop(_ context.Context, name string, drain bool) (int, error) {
	b.ask("stop %s %v", name, drain)
	return 2, b.err
}

func (b *board) Reload(context.Context) (Reloaded, error) { return b.reloaded, b.err }

func (b *board) into(_ *Config, d *Deps) { d.Pipelines = b }

// documented makes a request and checks that the answer conforms to the document.
func documented(t *testing.T, s *Server, method, target, path, body string, header ...string) reply {
	t.Helper()
	doc := readDocument(t, s)
	r := do(s, method, target, body, header...)
	responses := doc.Paths[path][strings.ToLower(method)].Responses
	want, ok := responses[fmt.Sprint(r.code)]
	require.True(t, ok || r.code >= 400, "%s %s: %d", method, target, r.code)
	if !ok {
		want = responses["default"]
	}
	var value any
	require.NoError(t, json.Unmarshal([]byte(r.body), &value), r.body)
	require.NoError(t, fits(doc, want.Content["application/json"].Schema, value, "answer"), r.body)
	return r
}

const yamlType = "application/yaml"

func TestPipelinesAreShown(t *testing.T) {
	b := &board{list: []Pipeline{
		{Name: "a", Origin: "file", Record: "always", Streams: []string{"**"}, Stages: []string{"source", "null"}, Declaration: "x: 1\n", Recording: []string{"live/a"}},
		{Name: "b", Origin: "api", Record: "manual", Held: true},
	}}
	s := newFixture(t).server(b.into)
	all := documented(t, s, "GET", "/mp4/pipelines", "/mp4/pipelines", "")
	require.Equal(t, `{"status":"success","pipelines":[`+
		`{"name":"a","origin":"file","record":"always","streams":["**"],"stages":["source","null"],"declaration":"x: 1\n","held":false,"recording":["live/a"]},`+
		`{"name":"b","origin":"api","record":"manual","streams":[],"stages":[],"declaration":"","held":true,"recording":[]}],"count":2}`+"\n", all.body)
	one := documented(t, s, "GET", "/mp4/pipelines/b", "/mp4/pipelines/{name}", "")
	require.Equal(t, `{"status":"success","pipeline":{"name":"b","origin":"api","record":"manual","streams":[],"stages":[],"declaration":"","held":true,"recording":[]}}`+"\n", one.body)
	require.Equal(t, 404, documented(t, s, "GET", "/mp4/pipelines/c", "/mp4/pipelines/{name}", "").code)
}

func TestPipelinesAreDeclared(t *testing.T) {
	b := &board{declared: Declared{Status: "created", Restarted: 1, Pipeline: Pipeline{Name: "a", Origin: "api", Record: "manual"}}}
	s := newFixture(t).server(b.into)
	const path = "/mp4/pipelines/{name}"
	r := documented(t, s, "PUT", "/mp4/pipelines/a", path, "stages: []", "Content-Type", yamlType)
	require.Equal(t, 200, r.code)
	require.Equal(t, `{"status":"created","dry_run":false,"pipeline":{"name":"a","origin":"api","record":"manual","streams":[],"stages":[],"declaration":"","held":false,"recording":[]},`+
		`"restarted":1,"problems":[]}`+"\n", r.body)
	documented(t, s, "PUT", "/mp4/pipelines/a?dry_run=true", path, "{}", "Content-Type", "application/json; charset=utf-8")
	documented(t, s, "DELETE", "/mp4/pipelines/a?dry_run=false", path, "")
	require.Equal(t, []string{"declare a stages: [] false", "declare a {} true", "remove a false"}, b.asked)

	b.asked = nil
	for target, header := range map[string]string{"/mp4/pipelines/a?dry_run=yes": yamlType, "/mp4/pipelines/a?dryrun=true": yamlType, "/mp4/pipelines/a": "text/html"} {
		require.GreaterOrEqual(t, documented(t, s, "PUT", target, path, "x", "Content-Type", header).code, 400, target)
	}
	require.Equal(t, 413, documented(t, s, "PUT", "/mp4/pipelines/a", path, strings.Repeat("x", 1<<20), "Content-Type", yamlType).code)
	require.Empty(t, b.asked)
}

// Problems are an error with code 422, and the answer of a dry run; neither shows a directory of the machine.
func TestProblemsAreAnswered(t *testing.T) {
	b := &board{err: config.Problems{{Pos: config.Pos{File: "declaration", Line: 1, Col: 2}, Path: "stages/0", Msg: "open /etc/spool/secret: no", Hint: "see rtsp://u:p@h/x"}}}
	s := newFixture(t).server(b.into)
	const path = "/mp4/pipelines/{name}"
	problems := `"problems":[{"at":"declaration:1:2","path":"stages/0","text":"open secret: no","hint":"see rtsp://h/x"}]}` + "\n"
	bodies := map[int]string{
		422: `{"status":"error","error":"the configuration is refused, nothing was changed: see problems",` + problems,
		200: `{"status":"refused","dry_run":true,"restarted":0,` + problems,
	}
	for target, code := range map[string]int{"/mp4/pipelines/a": 422, "/mp4/pipelines/a?dry_run=true": 200} {
		for _, method := range []string{"PUT", "DELETE"} {
			r := documented(t, s, method, target, path, "x", "Content-Type", yamlType)
			require.Equal(t, code, r.code)
			require.Equal(t, bodies[code], r.body)
			require.NotContains(t, r.body, "/etc/spool")
			require.NotContains(t, r.body, "u:p@")
		}
	}
	require.Equal(t, 422, documented(t, s, "POST", "/mp4/reload", "/mp4/reload", "").code)
	b.err = Conflict("of the file")
	require.Equal(t, 409, documented(t, s, "DELETE", "/mp4/pipelines/a", path, "").code)
}

func TestPipelinesAreHeld(t *testing.T) {
	b := &board{}
	s := newFixture(t).server(b.into)
	for _, act := range []string{"start", "stop", "drain"} {
		r := documented(t, s, "POST", "/mp4/pipelines/a/"+act, "/mp4/pipelines/{name}/"+act, "")
		require.Equal(t, 200, r.code)
	}
	require.Equal(t, []string{"start a", "stop a false", "stop a true"}, b.asked)
	b.err = NotFound("none")
	require.Equal(t, 404, do(s, "POST", "/mp4/pipelines/a/drain", "").code)
}

func TestReloadReportsChanges(t *testing.T) {
	b := &board{}
	s := newFixture(t).server(b.into)
	require.Contains(t, documented(t, s, "POST", "/mp4/reload", "/mp4/reload", "").body, `"status":"unchanged"`)
	b.reloaded = Reloaded{Streams: recorder.Changes{Removed: []string{"live/a"}}, NeedRestart: []string{"http/listen"}, Warnings: []string{"/root/config.yaml:1:2: x"}}
	r := documented(t, s, "POST", "/mp4/reload", "/mp4/reload", "")
	require.Equal(t, `{"status":"reloaded","pipelines":{"added":[],"removed":[],"changed":[]},"streams":{"added":[],"removed":["live/a"],"changed":[]},`+
		`"schedule":false,"restarted":0,"need_restart":["http/listen"],"warnings":["config.yaml:1:2: x"]}`+"\n", r.body)
	require.NotContains(t, r.body, "/root")
}

func TestNothingToChange(t *testing.T) {
	s := newFixture(t).server()
	for target, method := range map[string]string{"/mp4/pipelines/a": "DELETE", "/mp4/pipelines/a/stop": "POST", "/mp4/pipelines/a/start": "POST", "/mp4/reload": "POST"} {
		require.Equal(t, 503, do(s, method, target, "").code, target)
	}
	require.Equal(t, 503, do(s, "PUT", "/mp4/pipelines/a", "x", "Content-Type", yamlType).code)
	require.Contains(t, do(s, "GET", "/mp4/pipelines", "").body, `"count":0`)
	require.Contains(t, documented(t, s, "GET", "/mp4/schedule", "/mp4/schedule", "").body, `"next":[]`)
}

// nowhere is a directory without streams.
type nowhere struct{}

func (nowhere) Live(string) bool       { return false }
func (nowhere) Configured(string) bool { return true }

func TestScheduleIsShown(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	tasks := pipeline.NewTasks(log, pipeline.SystemClock)
	defer func() { require.NoError(t, tasks.Stop(context.Background())) }()
	idle := recorder.New(pipeline.Env{Log: log, Clock: pipeline.SystemClock}, tasks, nowhere{}, nil, time.Second)
	schedule := recorder.NewSchedule(idle, pipeline.SystemClock, nil, log, nil)
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	require.NoError(t, err)
	cron, err := recorder.ParseCron("* * * * *", tokyo)
	require.NoError(t, err)
	schedule.Set(recorder.Agenda{{Name: "all", Stream: "live/a", Action: recorder.RecordStart, Cron: cron, Duration: time.Hour}})
	schedule.Apply()

	s := newFixture(t).server(func(_ *Config, d *Deps) { d.Schedule = schedule })
	r := documented(t, s, "GET", "/mp4/schedule?limit=5", "/mp4/schedule", "")
	require.Contains(t, r.body, `"count":5`)
	require.Contains(t, r.body, "now is in a window of all")
	require.Contains(t, r.body, "+09:00")
	require.Contains(t, r.body, recorder.ErrNoPipeline.Error(), "nothing records it")
	require.Equal(t, 400, do(s, "GET", "/mp4/schedule?limit=0", "").code)
}

func TestWhyNamesTheStop(t *testing.T) {
	require.Equal(t, "now is in no window", why(recorder.StreamSchedule{}))
	require.Contains(t, why(recorder.StreamSchedule{Stopped: time.Unix(0, 0)}), "stopped by hand at 1970-01-01T00:00:00")
}

// The cost of a page of pipelines depends on its rows, not on the length of the declarations.
func TestPipelinesHavePages(t *testing.T) {
	w := newFixture(t)
	b := &board{}
	for n := range 1500 {
		b.list = append(b.list, Pipeline{Name: fmt.Sprintf("p%04d", n), Declaration: strings.Repeat("d", 60_000)})
	}
	s := w.server(func(_ *Config, d *Deps) { d.Pipelines = b })
	first := do(s, "GET", "/mp4/pipelines", "")
	require.Less(t, len(first.body), maxPageBytes+slack)
	require.Contains(t, first.body, `"total":1500`)
	require.Less(t, b.described, 20, "no more than are shown, and the one that had no room")
	b.list = b.list[:100]
	pages := paged(t, s, "/mp4/pipelines?limit=1000", "pipelines")
	require.Len(t, pages, 6)
	for i := range b.list {
		b.list[i].Declaration = ""
	}
	require.Len(t, paged(t, s, "/mp4/pipelines?limit=7", "pipelines"), 15)
	require.NotContains(t, do(s, "GET", "/mp4/pipelines", "").body, `"total"`)
	do(s, "GET", "/mp4/pipelines?limit=0", "").refused(t, 400)

	b.described = 0
	require.Equal(t, 200, do(s, "GET", "/mp4/pipelines/p0042", "").code)
	require.Equal(t, 1, b.described)
	do(s, "GET", "/mp4/pipelines/p004", "").refused(t, 404)
}
