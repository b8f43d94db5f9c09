package api

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
)

// Health lists the worst problem first, each problem once, and no path of the machine; the figures and the page show
// the same.
func TestHealthListsProblems(t *testing.T) {
	w := newFixture(t)
	var mu sync.Mutex
	var wrong []pipeline.Problem
	set := func(problems ...pipeline.Problem) {
		mu.Lock()
		defer mu.Unlock()
		wrong = problems
	}
	s, addr := w.run(func(_ *Config, d *Deps) {
		d.Health = func(context.Context) []pipeline.Problem {
			mu.Lock()
			defer mu.Unlock()
			return slices.Clone(wrong)
		}
	})
	ask := func() (a struct {
		Status   string
		Problems []map[string]string
	}) {
		r := do(s, "GET", "/mp4/health", "")
		require.Equal(t, http.StatusOK, r.code)
		require.NoError(t, json.Unmarshal([]byte(r.body), &a))
		doc := readDocument(t, s)
		var value any
		require.NoError(t, json.Unmarshal([]byte(r.body), &value))
		require.NoError(t, fits(doc, doc.Paths["/mp4/health"]["get"].Responses["200"].Content["application/json"].Schema, value, "answer"))
		return a
	}
	require.Equal(t, "ok", ask().Status)
	require.Empty(t, ask().Problems)

	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	database := pipeline.Problem{Problem: "database", Since: at, Cause: "no answer", Remedy: "start it"}
	set(database)
	require.Equal(t, "degraded", ask().Status)

	full := pipeline.Problem{
		Problem: "disk_full", Since: at.Add(time.Minute), Stream: "live/a", Failing: true,
		Cause: "write " + w.dir + "/live/a.mp4: no space left on device", Remedy: "delete something",
	}
	set(database, full, full)
	a := ask()
	require.Equal(t, "failing", a.Status)
	require.Equal(t, []map[string]string{
		{"problem": "disk_full", "since": "2026-03-01T12:01:00.000000000Z", "stream": "live/a", "cause": "write live/a.mp4: no space left on device", "remedy": "delete something"},
		{"problem": "database", "since": "2026-03-01T12:00:00.000000000Z", "cause": "no answer", "remedy": "start it"},
	}, a.Problems)
	require.Contains(t, do(s, "GET", "/metrics", "").body, `spool_problem{problem="disk_full",stream="live/a"} 1`)

	b := newBrowser(t)
	b.open("http://" + addr + "/")
	b.until(`document.querySelectorAll('#problems li').length === 2`)
	require.Contains(t, b.text(), "live/a: disk full")
	require.Contains(t, b.text(), "delete something")
	set()
	b.until(`document.querySelector('#problems').hidden`)
	require.Empty(t, b.heard())
}
