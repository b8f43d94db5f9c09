package api

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/stretchr/testify/require"
)

func TestRecordsHaveTheirShape(t *testing.T) {
	w := newFixture(t)
	r := w.add(1, "live/camera01", func(r *media.Record) {
		r.Protected, r.Gap, r.Pending = true, media.Gap{Cause: media.GapOverload, DurationNS: 1.5e9}, true
	})
	w.degraded = true
	s := w.server()
	require.JSONEq(t, fmt.Sprintf(`{"status":"success","count":1,"degraded":true,"records":[{
		"id":"%[1]s","stream_path":"live/camera01","pipeline":"default","file_path":"live_camera01_01.mp4","url":"/mp4/vod/live_camera01_01.mp4?id=%[1]s",
		"start_time":"2026-03-01T01:00:00.123456789Z","end_time":"2026-03-01T01:01:00.123456789Z","duration":60,"size":100,
		"state":"finished","end_reason":"stop","protected":true,"pending":true,"gap":{"cause":"overload","seconds":1.5},
		"tracks":[{"kind":"video","codec":"h264","width":640,"height":360}]}]}`, r.ID), do(s, "GET", "/mp4/records", "").body)
	one := do(s, "GET", "/mp4/records/"+r.ID.String(), "").json(t)
	require.Equal(t, r.ID.String(), one["record"].(map[string]any)["id"])
	require.JSONEq(t, `{"status":"success","records":[],"count":0,"degraded":true}`, do(s, "GET", "/mp4/records?stream=none", "").body)
}

func TestFiltersReachTheCatalogue(t *testing.T) {
	w := newFixture(t)
	s := w.server()
	yes, at := true, time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for q, want := range map[string]media.Query{
		"":                                  {Limit: 100},
		"order=asc&limit=1000":              {Limit: 1000, Ascending: true},
		"stream=live/camera01":              {Limit: 100, Stream: "live/camera01"},
		"stream=live/*":                     {Limit: 100, Stream: "live/*"},
		"stream=*":                          {Limit: 100},
		"start=2026-01-02T03:04:05Z":        {Limit: 100, Start: at},
		"start=2026-01-02T04:04:05%2b01:00": {Limit: 100, Start: at},
		"end=1767323045":                    {Limit: 100, End: at},
		"end=1767323045.000000001":          {Limit: 100, End: at.Add(1)},
		"state=lost&protected=true":         {Limit: 100, State: media.StateLost, Protected: &yes},
		"cursor=abc":                        {Limit: 100, Cursor: "abc"},
	} {
		w.asked, want.MaxBytes = nil, maxPageBytes
		require.Equal(t, 200, do(s, "GET", "/mp4/records?"+q, "").code, q)
		require.Equal(t, []media.Query{want}, w.asked, q)
	}
}

// A hostile filter is refused, or reaches the catalogue as a plain value.
func TestWrongFiltersAreRefused(t *testing.T) {
	w := newFixture(t)
	s := w.server()
	for _, q := range []string{
		"limit=0", "limit=-1", "limit=1001", "limit=1e3", "limit=99999999999999999999", "limit=+5", "limit=%D9%A1", "limit=",
		"start=yesterday", "start=2026-13-01T00:00:00Z", "start=-5", "start=1e400", "start=NaN", "start=99999999999999999999",
		"start=2026-01-02", "start=2026-01-02T03:04:05", "start=2026-01-02T03:04:05+01:00", "start=1.0000000001",
		"start=5&end=5", "start=6&end=5", "start=9223372036", "end=1969-12-31T23:59:59Z", "end=9999-01-01T00:00:00Z",
		"order=up", "order=DESC", "state=any", "state=%27%20OR%201=1--", "protected=yes", "protected=1", "protected=",
		"stream=", "stream=/live", "stream=live/", "stream=../x", "stream=a%00b", "stream=live//*", "stream=/*",
		"cursor=" + strings.Repeat("a", 1025), "cursor=", "Limit=5", "streams=x", "limit=5&limit=6", "%00=1",
	} {
		do(s, "GET", "/mp4/records?"+q, "").refused(t, 400)
		do(s, "GET", "/mp4/vod?"+q, "").refused(t, 400)
	}
	require.Empty(t, w.asked)
	require.Equal(t, 200, do(s, "GET", "/mp4/records?stream=x%27%3BDROP%20TABLE%20recordings%3B--%25_%5B", "").code)
	require.Equal(t, "x';DROP TABLE recordings;--%_[", w.asked[0].Stream)
	for _, id := range []string{"1", "x", "%27%20OR%201=1", "00000000-0000-0000-0000-00000000000g", strings.Repeat("0", 400)} {
		do(s, "GET", "/mp4/records/"+id, "").refused(t, 400)
		do(s, "DELETE", "/mp4/records/"+id, "").refused(t, 400)
	}
	do(s, "GET", "/mp4/records/00000000-0000-7000-8000-000000000000", "").refused(t, 404)
}

func TestPagesFollowOneAnother(t *testing.T) {
	w := newFixture(t)
	for i := range 25 {
		w.add(i, "a")
	}
	s := w.server()
	for _, order := range []string{"asc", "desc"} {
		var got []string
		for cursor := ""; ; {
			m := do(s, "GET", "/mp4/records?limit=10&order="+order+cursor, "").json(t)
			for _, r := range m["records"].([]any) {
				got = append(got, r.(map[string]any)["file_path"].(string))
			}
			next, ok := m["next"]
			if !ok {
				break
			}
			cursor = "&cursor=" + next.(string)
		}
		require.Len(t, got, 25)
		require.Equal(t, map[string]string{"asc": "a_00.mp4", "desc": "a_24.mp4"}[order], got[0])
	}
}

// The cost of a page does not depend on the catalogue's size.
func TestAPageAllocatesByItsOwnSize(t *testing.T) {
	w := newFixture(t)
	rec := w.add(1, "a")
	s := w.server(func(_ *Config, d *Deps) { d.Catalogue = &endless{shelf: (*shelf)(w), one: rec} })
	cost := func(limit int) float64 {
		req := httptest.NewRequest("GET", fmt.Sprintf("/mp4/records?limit=%d", limit), nil)
		req.Host = "localhost"
		return testing.AllocsPerRun(20, func() { s.ServeHTTP(httptest.NewRecorder(), req) })
	}
	small, large := cost(10), cost(1000)
	require.Less(t, large-small, 990*12.0, "allocations for each record of a page")
}

// endless returns as many records as a query's limit allows.
type endless struct {
	*shelf
	one media.Record
}

func (e *endless) Records(_ context.Context, q media.Query) (media.Page, error) {
	page := media.Page{Records: make([]media.Record, q.Limit), Next: "more"}
	for i := range page.Records {
		page.Records[i] = e.one
	}
	return page, nil
}

func TestPatchProtects(t *testing.T) {
	w := newFixture(t)
	rec := w.add(1, "a")
	s := w.server()
	url, js := "/mp4/records/"+rec.ID.String(), []string{"Content-Type", "application/json"}
	m := do(s, "PATCH", url, `{"protected":true}`, js...).json(t)
	require.Equal(t, true, m["record"].(map[string]any)["protected"])
	require.True(t, w.records[0].Protected)
	require.Equal(t, 200, do(s, "PATCH", url, `{"protected":false}`, "Content-Type", "application/merge-patch+json; charset=utf-8").code)
	require.False(t, w.records[0].Protected)
	for body, code := range map[string]int{
		`{}`: 400, `{"protected":null}`: 400, `{"protected":1}`: 400, `{"protected":"true"}`: 400, `{"protected":true,"size":0}`: 400,
		`{"protected":true}{}`: 400, `[true]`: 400, `{`: 400, `null`: 400, `x`: 400, strings.Repeat(`[`, 5000): 400,
		`{"protected":true,"x":"` + strings.Repeat("x", 70<<10) + `"}`: 413,
	} {
		do(s, "PATCH", url, body, js...).refused(t, code)
	}
	do(s, "PATCH", url, `{"protected":true}`).refused(t, 415)
	do(s, "PATCH", url, `{"protected":true}`, "Content-Type", "text/plain").refused(t, 415)
	do(s, "PATCH", "/mp4/records/00000000-0000-7000-8000-000000000000", `{"protected":true}`, js...).refused(t, 404)
	require.False(t, w.records[0].Protected)
}

// A wrong body is refused with its field, in the words of JSON.
func TestAWrongBodyIsRefusedWithItsField(t *testing.T) {
	w := newFixture(t)
	s := w.server(func(_ *Config, d *Deps) { d.Events = &doorbell{} })
	id := w.add(1, "a").ID.String()
	for _, c := range []struct{ method, path, body, want string }{
		{"PATCH", "/mp4/records/" + id, `{"protected":"yes"}`, `the body's field "protected" must be true or false, not a string`},
		{"PATCH", "/mp4/records/" + id, `{"protectd":true}`, `the body has an unknown field "protectd", did you mean "protected"?`},
		{"POST", "/mp4/event/a", `{"data":"x"}`, `the body's field "data" must be an object, not a string`},
		{"POST", "/mp4/event/a", `{"befor":5}`, `the body has an unknown field "befor", did you mean "before"?`},
		{"POST", "/mp4/event/a", `{"before":true}`, `before: "true" is not a duration: write seconds (60) or a Go duration (1h30m)`},
	} {
		r := do(s, c.method, c.path, c.body, "Content-Type", "application/json")
		require.Equal(t, 400, r.code, c.body)
		require.Equal(t, c.want, r.json(t)["error"], c.body)
	}
}
