package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// doorbell records the events of these tests.
type doorbell struct {
	got    []pipeline.Trigger
	asked  []media.EventQuery
	page   media.EventPage
	taken  Taken
	broken error
}

func (d *doorbell) Trigger(_ context.Context, stream string, t pipeline.Trigger) (Taken, error) {
	if d.broken != nil {
		return Taken{}, d.broken
	}
	d.got = append(d.got, t)
	d.taken.Pipelines = []pipeline.Triggered{
		{Pipeline: "a", Status: pipeline.EventStarted, Requested: t.At.Add(-5 * time.Second), Actual: t.At.Add(-6 * time.Second), Until: t.At},
		{Pipeline: "b", Status: pipeline.EventExtended, Requested: t.At, Actual: t.At, Until: t.At},
	}
	return d.taken, nil
}

func (d *doorbell) Events(_ context.Context, q media.EventQuery) (media.EventPage, error) {
	d.asked = append(d.asked, q)
	return d.page, d.broken
}

func withDoorbell(t testing.TB) (*doorbell, *Server) {
	d := &doorbell{}
	return d, newFixture(t).server(func(_ *Config, deps *Deps) { deps.Events = d })
}

const asJSON = "application/json"

func TestEventReadsItsFields(t *testing.T) {
	d, s := withDoorbell(t)
	r := do(s, "POST", "/mp4/event/live/camera01", "")
	require.Equal(t, 200, r.code, r.body)
	plain := d.got[0]
	require.Equal(t, time.Duration(-1), plain.Before)
	require.Equal(t, time.Duration(-1), plain.After)
	require.WithinDuration(t, time.Now(), plain.At, time.Minute)
	m := r.json(t)
	require.Equal(t, "started", m["status"])
	require.Equal(t, media.ID(plain.ID).String(), m["event"])
	require.Equal(t, plain.At.Add(-6*time.Second).UTC().Format("2006-01-02T15:04:05.000000000Z"), m["actual_start"])
	require.Len(t, m["pipelines"], 2)

	r = do(s, "POST", "/mp4/event/live/camera01", `{"before":12.5,"after":"1m","max":600,"at":"2026-03-01T12:00:00.5Z",
		"key":"door-7","name":"door","data":{ "b": [1, 2], "a": 0.10 },"protect":false}`, "Content-Type", asJSON)
	require.Equal(t, 200, r.code, r.body)
	require.Equal(t, pipeline.Trigger{
		ID: media.EventID("live/camera01", "door-7"), Key: "door-7", Name: "door", Data: []byte(`{"a":0.10,"b":[1,2]}`),
		At: time.Date(2026, 3, 1, 12, 0, 0, 5e8, time.UTC), Before: 12500 * time.Millisecond, After: time.Minute, Max: 10 * time.Minute,
		Protect: pipeline.ProtectOff,
	}, d.got[1])
	do(s, "POST", "/mp4/event/x", `{"before":0,"after":"0","at":1772366400.25,"protect":true}`, "Content-Type", "application/x-www-form-urlencoded") // as curl -d
	require.Zero(t, d.got[2].Before)
	require.Zero(t, d.got[2].After)
	require.Equal(t, int64(1772366400250), d.got[2].At.UnixMilli())
	require.Equal(t, pipeline.ProtectOn, d.got[2].Protect)
}

func TestSameKeyIsTheSameEventOnItsStream(t *testing.T) {
	d, s := withDoorbell(t)
	for _, stream := range []string{"a", "a", "b"} {
		do(s, "POST", "/mp4/event/"+stream, `{"key":"k"}`, "Content-Type", asJSON)
	}
	do(s, "POST", "/mp4/event/a", "")
	do(s, "POST", "/mp4/event/a", "")
	require.Equal(t, d.got[0].ID, d.got[1].ID)
	require.NotEqual(t, d.got[0].ID, d.got[2].ID)
	require.NotEqual(t, d.got[3].ID, d.got[4].ID)
}

func TestAnInvalidEventIsRefused(t *testing.T) {
	d, s := withDoorbell(t)
	deep := strings.Repeat(`[`, 20) + strings.Repeat(`]`, 20)
	for body, says := range map[string]string{
		`{"befor":1}`: "befor", `{"before":-1}`: "not a duration", `{"before":"x"}`: "before", `{"after":1e3}`: "not a duration",
		`{"before":"25h"}`: "at most 24h", `{"after":86401}`: "at most 24h", `{"max":0.5}`: "too short",
		`{"before":true}`: "before", `{"before":[1]}`: "before", `{"max":0.0000000001}`: "max", `{"at":"yesterday"}`: "not a time", `{"at":-5}`: "not a time",
		`{"at":"2200-01-01T00:00:00Z"}`: "in the future", `{"key":"` + strings.Repeat("k", 201) + `"}`: "at most 200", `{"name":"a\u0000b"}`: "plain text",
		`{"data":"text"}`: "data", `{"data":{"a":"` + strings.Repeat("d", 1024) + `"}}`: "at most 1024", `{"data":{"a":` + deep + `}}`: "nested",
		`{"data":{"a":"\u0000"}}`: "NUL", `{"protect":"yes"}`: "protect", `[]`: "JSON object", `{`: "ends before", `{} {}`: "more follows",
	} {
		require.Contains(t, do(s, "POST", "/mp4/event/x", body, "Content-Type", asJSON).refused(t, 400), says, body)
	}
	do(s, "POST", "/mp4/event/x", `{}`, "Content-Type", "text/plain").refused(t, 415)
	do(s, "POST", "/mp4/event/x", `{}`, "Content-Type", "application/x-www-form-urlencoded", "Sec-Fetch-Site", "none").refused(t, 415)
	require.Empty(t, d.got)
	d.broken = Conflict("nothing there")
	require.Equal(t, "nothing there", do(s, "POST", "/mp4/event/x", "").refused(t, 409))
	newWorldWithout := newFixture(t).server()
	do(newWorldWithout, "POST", "/mp4/event/x", "").refused(t, 404)
	require.JSONEq(t, `{"status":"success","events":[],"count":0}`, do(newWorldWithout, "GET", "/mp4/events", "").body)
}

func TestEventsAreListed(t *testing.T) {
	d, s := withDoorbell(t)
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	e := media.Event{ID: media.ID{1}, Key: "k", Name: "door", Data: json.RawMessage(`{"a":1}`), AtUTC: at.UnixNano(), StartUTC: at.UnixNano() - 1e9, EndUTC: at.UnixNano() + 1e9, ActualUTC: at.UnixNano() - 2e9, Protect: true}
	d.page = media.EventPage{Events: []media.EventRecord{{Event: e, Stream: "live/x", Node: "n", Total: 2, GoneUTC: at.Add(24 * time.Hour).UnixNano(), Recordings: []media.EventRecording{
		{ID: media.ID{2}, Path: "a/b c.mp4.part", State: media.StateRecording, StartUTC: e.ActualUTC, SizeBytes: 7, Protected: true},
		{ID: media.ID{3}, Elsewhere: true, Path: "a/c.mp4", State: media.StateFinished, StartUTC: e.AtUTC, EndUTC: e.EndUTC, SizeBytes: 8}, // of another node
	}}}, Next: "more", Degraded: true}
	r := do(s, "GET", "/mp4/events?stream=live/*&start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z&key=k&name=door&limit=7&order=asc&cursor=c", "")
	require.JSONEq(t, `{"status":"success","count":1,"next":"more","degraded":true,"events":[{"id":"01000000-0000-0000-0000-000000000000",
		"stream_path":"live/x","key":"k","name":"door","data":{"a":1},"at":"2026-03-01T12:00:00.000000000Z",
		"start_time":"2026-03-01T11:59:59.000000000Z","end_time":"2026-03-01T12:00:01.000000000Z","protect":true,"node":"n",
		"actual_start":"2026-03-01T11:59:58.000000000Z","recordings_total":2,"footage_gone_at":"2026-03-02T12:00:00.000000000Z","recordings":[
		{"id":"02000000-0000-0000-0000-000000000000","url":"/mp4/vod/a/b%20c.mp4?id=02000000-0000-0000-0000-000000000000","state":"recording","start_time":"2026-03-01T11:59:58.000000000Z","end_time":null,"bytes":7,"protected":true},
		{"id":"03000000-0000-0000-0000-000000000000","state":"finished","start_time":"2026-03-01T12:00:00.000000000Z","end_time":"2026-03-01T12:00:01.000000000Z","bytes":8,"protected":false}]}]}`, r.body)
	require.Equal(t, media.EventQuery{Stream: "live/*", Start: at.Add(-12 * time.Hour), End: at.Add(12 * time.Hour), Key: "k", Name: "door", Limit: 7, Ascending: true, Cursor: "c", MaxBytes: maxPageBytes}, d.asked[0])
	do(s, "GET", "/mp4/events", "")
	require.Equal(t, media.EventQuery{Limit: 100, MaxBytes: maxPageBytes}, d.asked[1])
	for _, bad := range []string{"limit=0", "order=up", "stream=../x", "start=5&end=4", "key=", "state=finished", "cursor=" + strings.Repeat("c", 1025)} {
		do(s, "GET", "/mp4/events?"+bad, "").refused(t, 400)
	}
}

func TestRecordNamesItsEvents(t *testing.T) {
	w := newFixture(t)
	rec := w.add(1, "live/camera01", func(r *media.Record) {
		r.Events = []media.Event{{ID: media.ID{1}, Name: "door", AtUTC: 1e18, StartUTC: 1e18, EndUTC: 1e18}}
	})
	m := do(w.server(), "GET", "/mp4/records/"+rec.ID.String(), "").json(t)["record"].(map[string]any)
	require.Equal(t, "door", m["events"].([]any)[0].(map[string]any)["name"])
}

// FuzzEventBody: a body is refused with 400, or is a trigger that the stages and the databases accept.
func FuzzEventBody(f *testing.F) {
	for _, seed := range []string{`{}`, `{"before":1,"at":5}`, `{"data":{"a":[{}]},"key":"k"}`, `{"at":null,"before":null}`, `{"max":"1h"}`, `{"before":"\u0000"}`} {
		f.Add(seed)
	}
	d, s := withDoorbell(f)
	f.Fuzz(func(t *testing.T, body string) {
		d.got = nil
		req := httptest.NewRequest("POST", "http://127.0.0.1:8080/mp4/event/x", strings.NewReader(body))
		req.Host, req.RemoteAddr = "127.0.0.1:8080", "127.0.0.1:4"
		req.Header.Set("Content-Type", asJSON)
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, req)
		switch rec.Code {
		case 400, 413:
			return
		case 200:
		default:
			t.Fatal(fmt.Sprint(rec.Code, rec.Body))
		}
		g := d.got[0]
		if g.Before < -1 || g.After < -1 || g.Max < 0 || g.At.IsZero() || len(g.Key) > maxEventKeyBytes || len(g.Data) > maxEventDataBytes ||
			g.Data != nil && !json.Valid(g.Data) || strings.ContainsRune(g.Key+g.Name+string(g.Data), 0) {
			t.Fatalf("%q became %+v", body, g)
		}
	})
}
