package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// tooMuch lists declarations that exceed the limits of pipelines made by API, and the setting,
// value and limit that the refusal names.
var tooMuch = map[string]struct {
	text string
	says []string
}{
	"memory":             {ofStages("gop_ring: {max_bytes: 1TiB}, segmenter, mp4, metadata"), []string{"stages/1/gop_ring/max_bytes", "1TiB", "declare.limits.memory", "256MiB"}},
	"memory of branches": {ofStages("tee: {branches: [{name: a, max_bytes: 200MiB, stages: [segmenter, mp4, metadata]}, {name: b, stages: [segmenter, mp4, metadata]}]}"), []string{"stages/1/tee/branches/1/max_bytes", "64MiB beside the 200MiB", "256MiB"}},
	"memory of rings":    {ofStages(strings.Repeat("gop_ring, ", 5) + "segmenter, mp4, metadata"), []string{"stages/5/gop_ring/max_bytes", "64MiB beside the 256MiB"}},
	"before":             {ofStages("gop_ring: {before: 10000h}, segmenter, mp4, metadata"), []string{"stages/1/gop_ring/before", "10000h", "declare.limits.media", "10m"}},
	"backlog":            {ofStages("gop_ring: {max_backlog: 11m}, segmenter, mp4, metadata"), []string{"stages/1/gop_ring/max_backlog", "11m"}},
	"backlog of branch":  {ofStages("tee: {branches: [{name: a, max_backlog: 1h, stages: [segmenter, mp4, metadata]}]}"), []string{"stages/1/tee/branches/0/max_backlog", "1h"}},
	"commands":           {ofStages("segmenter, mp4, exec: {use: plain, concurrency: 1000}, metadata"), []string{"stages/3/exec/concurrency", "1000", "declare.limits.commands", "4"}},
	"commands together":  {ofStages("segmenter, mp4, exec: {use: plain, concurrency: 3}, exec: {use: plain, concurrency: 2}, metadata"), []string{"stages/4/exec/concurrency", "2 beside the 3"}},
	"queue of commands":  {ofStages("segmenter, mp4, exec: {use: plain, max_waiting: 100000}, metadata"), []string{"stages/3/exec/max_waiting", "100000", "declare.limits.waiting", "4000"}},
	"stages":             {ofStages(strings.Repeat("tracks, ", 60) + "segmenter, mp4, metadata"), []string{"stages", "64 stages", "declare.limits.stages", "50"}},
	"patterns":           {"streams: [" + strings.Repeat("a, ", 1001) + "]\nstages: [source, segmenter, mp4, metadata]\n", []string{"streams", "1001 patterns", "declare.limits.patterns", "1000"}},
	"length":             {"streams: [&a a/" + strings.Repeat("x", 900) + strings.Repeat(", *a", 90) + "]\nstages: [source, segmenter, mp4, metadata]\n", []string{"bytes long", "65536"}},
	"by anchors": {"streams: [live/a]\nstages: [source, gop_ring: &r {max_bytes: 200MiB}, gop_ring: *r, gop_ring: {<<: *r}, segmenter, mp4, metadata]\n",
		[]string{"stages/2/gop_ring/max_bytes", "200MiB beside the 200MiB"}},
}

func ofStages(stages string) string {
	return "streams: [live/a]\nrecord: always\nstages: [source, " + stages + "]\n"
}

// TestResourcesOfAPipelineMadeByRequestAreLimited tests memory, commands and the number of pipelines.
// Pipelines of the configuration file have no limits, and the file sets the limits without a
// restart.
func TestResourcesOfAPipelineMadeByRequestAreLimited(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	const own = "pipelines: {own: {streams: [live/a], record: always, stages: [source, gop_ring: {max_bytes: 1GiB, before: 2h, max_backlog: 2h}, segmenter, mp4, exec: {use: plain, concurrency: 100}, metadata]}}\n"
	with := func(limits string) string {
		return pullLiveA + own + "declare: {exec: [{name: plain, command: [/bin/true]}], limits: {" + limits + "}}\n"
	}
	r := launch(t, racyBinary, home, with("pipelines: 2"))
	put := func(name, text, query string) (int, string) {
		resp, body := r.send("PUT", "/mp4/pipelines/"+name+query, text, "Content-Type", inYAML)
		return resp.StatusCode, body
	}
	for what, much := range tooMuch {
		for query, want := range map[string]int{"": 422, "?dry_run=true": 200} {
			code, body := put("evil", much.text, query)
			require.Equal(t, want, code, "%s: %s", what, body)
			for _, part := range much.says {
				require.Contains(t, body, part, what)
			}
		}
	}
	require.NotContains(t, r.pipelines(), "evil")
	require.NoFileExists(t, filepath.Join(r.files, ".spool-pipelines.yaml"))
	eventually(t, "the file's own pipeline records", func() bool { return len(r.pipelines()["own"].Recording) > 0 })

	for _, name := range []string{"one", "two"} {
		code, body := put(name, ofStages("gop_ring: {max_bytes: 200MiB}, segmenter, mp4, metadata"), "")
		require.Equal(t, 200, code, body)
	}
	for _, query := range []string{"", "?dry_run=true"} {
		_, body := put("three", ofStages("gop_ring, segmenter, mp4, metadata"), query)
		require.Contains(t, body, "2 pipelines made by API are as many as declare.limits.pipelines allows", "a third")
	}
	code, body := put("two", ofStages("gop_ring, segmenter, mp4, metadata"), "")
	require.Equal(t, 200, code, "one that is there may be changed: %s", body)

	r.expect("is stored but does not run")
	r.configure(with("pipelines: 3, memory: 100MiB"))
	r.await("a pipeline made by API is stored but does not run", "pipeline", "one")
	r.await("configuration reloaded")
	code, body = put("three", ofStages("gop_ring, segmenter, mp4, metadata"), "")
	require.Equal(t, 200, code, body)
	said := 0
	for _, l := range r.book.lines() {
		if strings.Contains(fmt.Sprint(l), "is stored but does not run") {
			said++
		}
	}
	require.Equal(t, 1, said, "it is said once")
	one := r.pipelines()["one"]
	require.Equal(t, "always", one.Record)
	require.Equal(t, []string{"source", "gop_ring", "segmenter", "mp4", "metadata"}, one.Stages)
	require.Contains(t, one.Declaration, "max_bytes: 200MiB")
	_, body = r.send("GET", "/mp4/pipelines/one", "")
	require.Contains(t, body, `"streams":["live/a"]`)
	require.Contains(t, body, "200MiB is more than declare.limits.memory allows a pipeline made by API: 100MiB")
	require.Equal(t, 0, r.signal(syscall.SIGTERM))

	r = launch(t, racyBinary, home, with(""))
	eventually(t, "all of them record", func() bool {
		all := r.pipelines()
		return len(all["own"].Recording)*len(all["one"].Recording)*len(all["two"].Recording)*len(all["three"].Recording) > 0
	})
}

// TestThePagesOfPipelinesAreBounded bounds the bytes of a page whatever is declared: long
// declarations by request beside a long file.
func TestThePagesOfPipelinesAreBounded(t *testing.T) {
	t.Parallel()
	r := serveStatic(t, "")
	long := strings.Repeat("x", 900)
	for n := range 16 {
		var patterns []string
		for i := range 60 {
			patterns = append(patterns, fmt.Sprint(n, "/", i, long))
		}
		resp, body := r.send("PUT", fmt.Sprint("/mp4/pipelines/p", n), "streams: ["+strings.Join(patterns, ", ")+"]\nstages: [source, segmenter, mp4, metadata]\n", "Content-Type", inYAML)
		require.Equal(t, 200, resp.StatusCode, body)
	}
	names, cursor := 0, ""
	for pages := 0; ; pages++ {
		url := "/mp4/pipelines?limit=1000" + cursor
		_, body := r.send("GET", url, "")
		require.Less(t, len(body), 1<<20+4<<10)
		page := answer[struct {
			Pipelines []declaredPipeline
			Next      string
			Total     int
		}](r, "GET", url)
		names += len(page.Pipelines)
		require.Equal(t, 18, page.Total)
		if page.Next == "" {
			require.Positive(t, pages)
			break
		}
		cursor = "&cursor=" + page.Next
	}
	require.Equal(t, 18, names) // with those of the blocks mp4 and egress
}
