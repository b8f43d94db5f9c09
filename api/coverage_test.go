package api

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

func TestCoverageJoinsRecordingsByStream(t *testing.T) {
	w := newFixture(t)
	first := w.add(1, "a")
	w.add(2, "a", func(r *media.Record) { r.StartUTC = first.EndUTC })
	w.add(3, "a", func(r *media.Record) { r.Gap = media.Gap{Cause: media.GapStall, DurationNS: 60e9} })
	w.add(4, "b")
	s := w.server()
	m := do(s, "GET", "/mp4/coverage?start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z", "").json(t)
	streams := m["streams"].([]any)
	require.Len(t, streams, 2)
	spans := streams[0].(map[string]any)["spans"].([]any)
	require.Len(t, spans, 2)
	require.EqualValues(t, 2, spans[0].(map[string]any)["recordings"])
	require.Equal(t, first.ID.String(), spans[0].(map[string]any)["first"])
	require.Equal(t, map[string]any{"cause": "stall", "seconds": 60.}, spans[1].(map[string]any)["gap"])
	require.Len(t, do(s, "GET", "/mp4/coverage?stream=b&start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z", "").json(t)["streams"], 1)
	require.Contains(t, do(s, "GET", "/mp4/coverage?start=2026-03-01T00:00:00Z", "").refused(t, 400), "start and end are needed")
}

// Events count as spans do, and the catalogue is queried in pages of a mebibyte.
func TestCoverageIsBoundedInBytes(t *testing.T) {
	const day = "/mp4/coverage?start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z"
	for what, name := range map[string]string{"plain names": strings.Repeat("n", 100), "escaped names": strings.Repeat("\x01", 100), "names of markup": strings.Repeat("<", 100)} {
		w := newFixture(t)
		for n := range 150 {
			w.add(1, fmt.Sprintf("camera%04d", n), func(r *media.Record) {
				r.StartUTC += int64(n) * int64(time.Second)
				r.SizeBytes, r.Events = 0, slices.Repeat([]media.Event{{AtUTC: r.StartUTC, Name: name, Data: []byte(`"large"`)}}, 600)
			})
		}
		r := do(w.server(), "GET", day, "")
		require.Equal(t, 200, r.code, what)
		require.Less(t, len(r.body), maxPageBytes+slack, what)
		require.Greater(t, len(r.body), maxPageBytes/2, what)
		m := r.json(t)
		streams := m["streams"].([]any)
		oldest := streams[0].(map[string]any)
		require.Equal(t, oldest["spans"].([]any)[0].(map[string]any)["start_time"], m["since"], what)
		newest := streams[len(streams)-1].(map[string]any)
		require.Equal(t, "camera0149", newest["path"], what)
		require.Len(t, newest["events"], 500, what)
		require.Equal(t, true, newest["cut"], what)
		require.Len(t, w.asked, 1, "no more is read than is shown")
		require.Equal(t, maxPageBytes, w.asked[0].MaxBytes, what)
	}
}

// One answer reads a bounded number of pages, even where recordings join to few spans.
func TestCoverageReadsSoManyPagesOnly(t *testing.T) {
	pages := &unending{shelf: (*shelf)(newFixture(t))}
	s := newFixture(t).server(func(_ *Config, d *Deps) { d.Catalogue = pages })
	m := do(s, "GET", "/mp4/coverage?start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z", "").json(t)
	require.Equal(t, maxPages, pages.asked)
	require.Equal(t, "2026-03-01T12:00:00.000000000Z", m["since"])
}

// unending is a catalogue with a next page behind every page.
type unending struct {
	*shelf
	asked int
}

func (c *unending) Records(context.Context, media.Query) (media.Page, error) {
	c.asked++
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).UnixNano()
	return media.Page{Records: []media.Record{{Recording: media.Recording{Stream: "a", State: media.StateFinished, StartUTC: at, EndUTC: at}}}, Next: "more"}, nil
}

// A coverage beyond the limit waits until its client has gone, and makes no query meanwhile.
func TestFewCoveragesAreMadeAtOnce(t *testing.T) {
	const day = "/mp4/coverage?start=2026-03-01T00:00:00Z&end=2026-03-02T00:00:00Z"
	w := newFixture(t)
	held := &held{shelf: (*shelf)(w), asked: make(chan struct{}, 9), free: make(chan struct{})}
	s := w.server(func(_ *Config, d *Deps) { d.Catalogue = held })
	replies := make(chan reply, maxCoverages)
	for range maxCoverages {
		go func() { replies <- do(s, "GET", day, "") }()
	}
	for range maxCoverages {
		<-held.asked
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	req := httptest.NewRequestWithContext(gone, "GET", day, nil)
	req.Host, req.RemoteAddr = "127.0.0.1:8080", "127.0.0.1:4444"
	rec := httptest.NewRecorder()
	s.ServeHTTP(rec, req)
	require.Equal(t, 503, rec.Code)
	require.Equal(t, "1", rec.Header().Get("Retry-After"))
	require.Empty(t, held.asked)
	close(held.free)
	for range maxCoverages {
		require.Equal(t, 200, (<-replies).code)
	}
	require.Equal(t, 200, do(s, "GET", day, "").code)
}

// held is a catalogue whose answers the test releases.
type held struct {
	*shelf
	asked, free chan struct{}
}

func (c *held) Records(ctx context.Context, q media.Query) (media.Page, error) {
	c.asked <- struct{}{}
	<-c.free
	return c.shelf.Records(ctx, q)
}
