package api

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/stretchr/testify/require"
)

type plans struct {
	RetentionPlan
	err error
}

func (p plans) Plan(context.Context) (RetentionPlan, error) { return p.RetentionPlan, p.err }

func TestRetentionHasItsShape(t *testing.T) {
	w := newWorld(t)
	at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	id := media.NewID(at)
	s := w.server(func(_ *Config, d *Deps) {
		d.Retention = plans{RetentionPlan: RetentionPlan{
			Active: true, Total: 1000, Used: 700, High: 800, Low: 780, Bytes: 600, BytesPerDay: 50, FullAt: at.Add(48 * time.Hour),
			Now: []Eviction{{ID: id, File: "a.mp4", Stream: "live/a", Start: at, Size: 10, Class: "expired", Cause: "expire_days"},
				{File: "x.mp4.part", Size: 3, Class: "orphan", Cause: "max_bytes"}},
			Kept:      []KeptFiles{{"protected", 2, 40}},
			Streams:   []KeptStream{{Stream: "live/a", Priority: 5, Files: 3, Bytes: 60, ProtectedBytes: 40, Oldest: at, Newest: at.Add(time.Minute), Keeps: 36 * time.Hour, BytesPerDay: 50}},
			Stopped:   []StoppedStream{{"live/a", at}},
			LastError: "unlink " + w.dir + "/a.mp4: denied",
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
			"last_error":"unlink a.mp4: denied"}`, got.body)
	}
}

func TestAskingAboutRetentionNeverDeletes(t *testing.T) {
	w := newWorld(t)
	s := w.server()
	require.Equal(t, 503, do(s, "GET", "/mp4/retention", "").code, "nobody keeps it")
	s = w.server(func(_ *Config, d *Deps) { d.Retention = plans{} })
	require.Equal(t, 400, do(s, "GET", "/mp4/retention?dry_run=false", "").code)
	require.Equal(t, 405, do(s, "POST", "/mp4/retention", "").code)
	s = w.server(func(_ *Config, d *Deps) { d.Retention = plans{err: errors.New("lstat /secret/dir: gone")} })
	got := do(s, "GET", "/mp4/retention", "")
	require.Equal(t, 500, got.code)
	require.NotContains(t, got.body, "/secret")
}

// Who deletes to make room asks first, and then keeps readers out.
func TestAClaimKeepsReadersOut(t *testing.T) {
	w := newWorld(t)
	w.put("a.mp4", []byte("footage"))
	s := w.server()
	require.True(t, s.readers.enter("a.mp4"))
	_, ok := s.Claim("a.mp4.part")
	require.False(t, ok)
	s.readers.leave("a.mp4")
	release, ok := s.Claim("a.mp4.part")
	require.True(t, ok)
	require.Equal(t, 409, do(s, "GET", "/mp4/vod/a.mp4", "").code)
	release()
	require.Equal(t, 200, do(s, "GET", "/mp4/vod/a.mp4", "").code)
}
