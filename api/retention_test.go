package api

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/retained"
	"github.com/gospool/spool/pipeline/wallclock"
	"github.com/stretchr/testify/require"
)

type plans struct {
	plan      retained.Plan
	confirmed *retained.Held
	err       error
}

func (p plans) Confirm() (*retained.Held, error) { return p.confirmed, p.err }

func (p plans) Plan(context.Context) (*retained.Plan, error) { return &p.plan, p.err }

func TestRetentionHasItsShape(t *testing.T) {
	w := newFixture(t)
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	id := media.NewID(at)
	s := w.server(func(_ *Config, d *Deps) {
		d.Retention = plans{plan: retained.Plan{
			Active: true, DiskBytes: 1000, UsedBytes: 700, HighBytes: 800, LowBytes: 780, Bytes: 600, BytesPerDay: 50, FullAt: at.Add(48 * time.Hour),
			Now: []retained.Eviction{{ID: id, Path: "a.mp4", Stream: "live/a", StartUTC: at.UnixNano(), SizeBytes: 10, Class: "expired", Cause: "expire_days"},
				{Path: "x.mp4.part", SizeBytes: 3, Class: "orphan", Cause: "max_bytes"}},
			Kept:      []retained.Kept{{Reason: retained.KeptProtected, Count: retained.Count{Files: 2, Bytes: 40}}},
			Streams:   []retained.Stream{{Stream: "live/a", Priority: 5, Count: retained.Count{Files: 3, Bytes: 60}, Protected: retained.Count{Files: 1, Bytes: 40}, Oldest: at, Newest: at.Add(time.Minute), Keeps: 36 * time.Hour, BytesPerDay: 50}},
			Stopped:   []retained.Stopped{{Stream: "live/a", Since: at}},
			LastError: "unlink " + w.dir + "/a.mp4: denied",
			Waiting:   []retained.Eviction{{Path: "b.mp4", SizeBytes: 4, Class: "expired", Cause: "expire_days"}},
			Held: &retained.Held{Cause: "mass_expiry", Why: "3 of 4 expired", Count: retained.Count{Files: 3, Bytes: 12}, Oldest: at, Newest: at.Add(time.Hour),
				Clock: at.Add(2 * time.Hour), Since: at.Add(3 * time.Hour), Until: at.Add(4 * time.Hour)},
			Clock: wallclock.Reading{State: "unproven", Why: "since an hour", Now: at},
		}}
	})
	for _, path := range []string{"/mp4/retention", "/mp4/retention?dry_run=true"} {
		got := do(s, "GET", path, "")
		require.Equal(t, 200, got.code, got.body)
		require.JSONEq(t, `{"status":"success","active":true,"disk_bytes":1000,"used_bytes":700,"high_bytes":800,"low_bytes":780,
			"bytes":600,"bytes_per_day":50,"full_at":"2026-03-03T00:00:00.000000000Z",
			"now":[{"id":"`+id.String()+`","file_path":"a.mp4","stream_path":"live/a","start_time":"2026-03-01T00:00:00.000000000Z","size":10,"class":"expired","cause":"expire_days"},
				{"file_path":"x.mp4.part","size":3,"class":"orphan","cause":"max_bytes"}],
			"next":[],"kept":[{"reason":"protected","files":2,"bytes":40}],
			"streams":[{"stream_path":"live/a","priority":5,"files":3,"bytes":60,"protected_bytes":40,"oldest":"2026-03-01T00:00:00.000000000Z",
				"newest":"2026-03-01T00:01:00.000000000Z","days":1.5,"bytes_per_day":50}],
			"stopped":[{"stream_path":"live/a","since":"2026-03-01T00:00:00.000000000Z"}],
			"held":{"cause":"mass_expiry","why":"3 of 4 expired","files":3,"bytes":12,"oldest":"2026-03-01T00:00:00.000000000Z",
				"newest":"2026-03-01T01:00:00.000000000Z","clock":"2026-03-01T02:00:00.000000000Z",
				"since":"2026-03-01T03:00:00.000000000Z","until":"2026-03-01T04:00:00.000000000Z"},
			"waiting":[{"file_path":"b.mp4","size":4,"class":"expired","cause":"expire_days"}],
			"clock":{"state":"unproven","why":"since an hour","now":"2026-03-01T00:00:00.000000000Z"},
			"last_error":"unlink a.mp4: denied"}`, got.body)
	}
}

func TestAskingAboutRetentionNeverDeletes(t *testing.T) {
	w := newFixture(t)
	s := w.server()
	require.Equal(t, 503, do(s, "GET", "/mp4/retention", "").code, "no retention is configured")
	s = w.server(func(_ *Config, d *Deps) { d.Retention = plans{} })
	require.Equal(t, 400, do(s, "GET", "/mp4/retention?dry_run=false", "").code)
	require.Equal(t, 405, do(s, "POST", "/mp4/retention", "").code)
	s = w.server(func(_ *Config, d *Deps) { d.Retention = plans{err: errors.New("lstat /secret/dir: gone")} })
	got := do(s, "GET", "/mp4/retention", "")
	require.Equal(t, 500, got.code)
	require.NotContains(t, got.body, "/secret")
}

func TestConfirmingExpiryListsTheDeletions(t *testing.T) {
	w := newFixture(t)
	const confirm = "/mp4/retention/confirm"
	require.Equal(t, 503, do(w.server(), "POST", confirm, "").code, "no retention is configured")
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	with := func(p plans) *Server { return w.server(func(_ *Config, d *Deps) { d.Retention = p }) }
	got := do(with(plans{confirmed: &retained.Held{Count: retained.Count{Files: 3, Bytes: 12}, Oldest: at, Newest: at.Add(time.Hour)}}), "POST", confirm, "")
	require.Equal(t, 200, got.code, got.body)
	require.JSONEq(t, `{"status":"confirmed","files":3,"bytes":12,"oldest":"2026-03-01T00:00:00.000000000Z","newest":"2026-03-01T01:00:00.000000000Z"}`, got.body)
	got = do(with(plans{}), "POST", confirm, "")
	require.JSONEq(t, `{"status":"confirmed","files":0,"bytes":0}`, got.body, "the clock was confirmed")
	for text, err := range map[string]error{"1970": fmt.Errorf("%w: it says 1970", wallclock.ErrWrong), "nothing waits": retained.ErrNothingHeld} {
		require.Contains(t, do(with(plans{err: err}), "POST", confirm, "").refused(t, 409), text)
	}
	require.Contains(t, do(with(plans{}), "POST", confirm+"?force=true", "").refused(t, 400), "none are taken here")
	require.Equal(t, 405, do(with(plans{}), "GET", confirm, "").code)
}

// A client that never ends its request delays a deletion, and does not prevent it. What it reads stays readable.
func TestAReaderDelaysADeletion(t *testing.T) {
	w := newFixture(t)
	rec := w.add(1, "a")
	clock := &turned{at: time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)}
	s := w.server(func(_ *Config, d *Deps) { d.Clock = clock })
	require.True(t, s.readers.Enter(rec.Path))
	url := "/mp4/records/" + rec.ID.String()
	require.Contains(t, do(s, "DELETE", url, "").refused(t, 409), "being read")
	_, ok := s.Claim(rec.Path)
	require.False(t, ok)
	clock.at = clock.at.Add(playback.Patience)
	release, ok := s.Claim(rec.Path)
	require.True(t, ok, "retention frees the disk")
	release()
	require.Contains(t, do(s, "DELETE", url, "").refused(t, 409), "being read")
	clock.at = clock.at.Add(playback.Patience)
	require.Equal(t, 200, do(s, "DELETE", url, "").code)
}

// A deleter that makes room claims the file first; the claim then keeps readers out.
func TestAClaimKeepsReadersOut(t *testing.T) {
	w := newFixture(t)
	w.put("a.mp4", []byte("footage"))
	s := w.server()
	require.True(t, s.readers.Enter("a.mp4"))
	_, ok := s.Claim("a.mp4.part")
	require.False(t, ok)
	s.readers.Leave("a.mp4")
	release, ok := s.Claim("a.mp4.part")
	require.True(t, ok)
	require.Equal(t, 409, do(s, "GET", "/mp4/vod/a.mp4", "").code)
	release()
	require.Equal(t, 200, do(s, "GET", "/mp4/vod/a.mp4", "").code)
}
