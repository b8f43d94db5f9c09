package api

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/recorder"
)

// slack bounds the size of an answer without its rows, in bytes.
const slack = 4 << 10

// gaps returns a change that gives a record n gaps.
func gaps(n int) func(*media.Record) {
	return func(r *media.Record) {
		r.Gaps = make([]media.Gap, n)
		for i := range r.Gaps {
			r.Gaps[i] = media.Gap{Cause: media.GapRTPLoss, StartUTC: r.StartUTC + int64(i), DurationNS: 1e9, Track: 1}
		}
	}
}

// paged walks all pages of a list, and returns the rows of each.
func paged(t *testing.T, s *Server, path, rows string) (pages [][]json.RawMessage) {
	t.Helper()
	cursor := ""
	for {
		url := path
		if cursor != "" {
			url += "&cursor=" + cursor
		}
		r := do(s, "GET", url, "")
		require.Equal(t, 200, r.code, r.body)
		require.LessOrEqual(t, len(r.body), maxPageBytes+slack)
		var a map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(r.body), &a))
		var page []json.RawMessage
		require.NoError(t, json.Unmarshal(a[rows], &page))
		require.NotEmpty(t, page, "an answer has one row at least")
		pages = append(pages, page)
		if a["next"] == nil {
			return pages
		}
		require.NoError(t, json.Unmarshal(a["next"], &cursor))
	}
}

func TestAPageOfRecordsIsBoundedInBytes(t *testing.T) {
	w := newFixture(t)
	for n := range 12 {
		w.add(n, "live/a", gaps(4000))
	}
	huge := w.add(12, "live/a", gaps(100_000))
	s := w.server()
	n := 0
	for _, page := range paged(t, s, "/mp4/records?limit=1000", "records") {
		n += len(page)
		for _, text := range page {
			var d recordDetail
			require.NoError(t, json.Unmarshal(text, &d))
			require.Equal(t, d.ID == huge.ID.String(), d.Cut, "a row that is not whole says so")
			if !d.Cut {
				require.Len(t, d.Gaps, 4000)
			}
		}
	}
	require.Equal(t, 13, n)
	for _, q := range w.asked {
		require.Equal(t, maxPageBytes, q.MaxBytes, "the catalogue reads no more either")
	}
	r := do(s, "GET", "/mp4/records/"+huge.ID.String(), "")
	require.Equal(t, 200, r.code)
	require.Contains(t, r.body, `"cause":"rtp_loss"`)
	require.NotContains(t, r.body, `"cut"`, "by itself it may be longer")
	require.LessOrEqual(t, len(r.body), maxRowBytes+slack)

	w.records = nil
	monster := w.add(1, "live/a", gaps(300_000))
	r = do(s, "GET", "/mp4/records/"+monster.ID.String(), "")
	require.LessOrEqual(t, len(r.body), maxRowBytes+slack)
	require.Contains(t, r.body, `"cut":true`)
}

func TestAPageOfFilesIsBoundedInBytes(t *testing.T) {
	w := newFixture(t)
	for n := range 1000 {
		w.add(n, "live/"+strings.Repeat("ä", 60)+"/cam", func(r *media.Record) {
			r.Path = strings.Repeat("ä", 100) + "/" + r.ID.String() + ".mp4"
		})
	}
	n := 0
	pages := paged(t, w.server(), "/mp4/vod?limit=1000", "files")
	for _, page := range pages {
		n += len(page)
	}
	require.Equal(t, 1000, n)
	require.Greater(t, len(pages), 1)
}

// Every list by name has pages; without a limit and a cursor a client gets the whole list as before, up to a thousand
// rows.
func TestListsByNameHavePages(t *testing.T) {
	w := newFixture(t)
	for n := range 2500 {
		name := fmt.Sprintf("live/%04d", n)
		w.recording[name] = recorder.StartOptions{}
		w.list = append(w.list, media.StreamInfo{Path: name, State: "live"})
	}
	s := w.server()
	for path, rows := range map[string]string{"/mp4/list": "recordings", "/mp4/streams": "streams"} {
		for limit, pages := range map[string]int{"": 3, "limit=1000": 3, "limit=999": 3, "limit=500": 5} {
			got := paged(t, s, path+"?"+limit, rows)
			require.Len(t, got, pages, path+limit)
			var names []string
			for _, page := range got {
				for _, text := range page {
					names = append(names, string(text))
				}
			}
			require.Len(t, names, 2500)
			require.IsIncreasing(t, names)
		}
		require.Contains(t, do(s, "GET", path, "").body, `"total":2500`)
		require.NotContains(t, do(s, "GET", path+"?cursor=zzz", "").body, `"next"`)
		for _, wrong := range []string{"limit=0", "limit=1001", "limit=-1", "cursor=" + strings.Repeat("x", maxCursorBytes+1)} {
			do(s, "GET", path+"?"+wrong, "").refused(t, 400)
		}
	}
}

// A page of streams queries the parts for its own streams only.
func TestAPageOfStreamsIsBoundedInBytes(t *testing.T) {
	w := newFixture(t)
	for n := range 300 {
		w.list = append(w.list, media.StreamInfo{Path: fmt.Sprintf("live/%04d", n), LastError: strings.Repeat("e", 10_000)})
	}
	require.Greater(t, len(paged(t, w.server(), "/mp4/streams?limit=1000", "streams")), 1)
}

func TestTheListOfProblemsIsBounded(t *testing.T) {
	w := newFixture(t)
	all := []pipeline.Problem{{Problem: "worst", Failing: true}}
	for n := range 5000 {
		all = append([]pipeline.Problem{{Problem: "pull_failed", Stream: fmt.Sprint("live/", n), Cause: strings.Repeat("c", 500)}}, all...)
	}
	s := w.server(func(_ *Config, d *Deps) {
		d.Health = func(context.Context) []pipeline.Problem { return append([]pipeline.Problem(nil), all...) }
	})
	for query, most := range map[string]int{"": 1000, "?limit=7": 7} {
		r := do(s, "GET", "/mp4/health"+query, "")
		var a healthAnswer
		require.NoError(t, json.Unmarshal([]byte(r.body), &a))
		require.Len(t, a.Problems, most)
		require.Equal(t, "worst", a.Problems[0].Problem)
		require.Equal(t, "failing", a.Status)
		require.Equal(t, 5001, a.Total)
		require.LessOrEqual(t, len(r.body), maxPageBytes+slack)
	}
}
