package server

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api"
	"github.com/gospool/spool/api/auth"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/wallclock"
	"github.com/gospool/spool/sinks/retention"
)

// frozen is a clock that stands still.
type frozen struct {
	pipeline.Clock
	at time.Time
}

func (c frozen) Now() time.Time { return c.at }

// noRecordings is a recorder that records nothing and stops nothing.
type noRecordings struct{}

func (noRecordings) Recording() []string                { return nil }
func (noRecordings) Stop(context.Context, string) error { return nil }
func (noRecordings) Start(string) error                 { return nil }

// The API answers with exactly these bytes: each class of files to delete, the kept files with
// the reason, the expired files that wait, and the footage of each stream.
func TestTheRetentionResponseByteByByte(t *testing.T) {
	dir, at := t.TempDir(), time.Date(2026, 3, 10, 8, 0, 0, 0, time.UTC)
	put := func(name string, ended time.Duration, size int, change func(*media.Recording)) {
		end := at.Add(-ended)
		rec := media.Recording{ID: media.ID{15: byte(size)}, Stream: "live/a", Path: name, StartUTC: end.Add(-time.Minute).UnixNano(), EndUTC: end.UnixNano()}
		if change != nil {
			change(&rec)
		}
		text, err := json.Marshal(rec)
		require.NoError(t, err)
		path := filepath.Join(dir, filepath.FromSlash(name))
		require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o755))
		require.NoError(t, os.WriteFile(path, append(text, strings.Repeat(" ", size-len(text))...), 0o644))
		require.NoError(t, os.Chtimes(path, end, end))
	}
	put("a/old.mp4", 9*24*time.Hour, 1001, nil)
	put("a/older.mp4", 10*24*time.Hour, 1002, nil)
	put("a/new.mp4", 12*time.Hour, 1003, nil)
	put("b/event.mp4", 6*time.Hour, 1004, func(r *media.Recording) { r.Stream, r.Events = "live/b", []media.Event{{Name: "door"}} })
	put("b/safe.mp4", 20*24*time.Hour, 1005, func(r *media.Recording) { r.Stream, r.Protected = "live/b", true })
	put("b/grows.mp4.part", 0, 1006, func(r *media.Recording) { r.Stream = "live/b" })
	put("b/left.mp4.part", 30*time.Hour, 1007, nil)
	for _, name := range []string{".temporary", "stranger.mp4"} {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(name), 0o644))
		require.NoError(t, os.Chtimes(path, at.Add(-48*time.Hour), at.Add(-48*time.Hour)))
	}

	clock := frozen{pipeline.SystemClock, at}
	synchronised := true
	keeper, err := retention.New(retention.Policy{
		Limits: retention.Limits{Expire: 7 * 24 * time.Hour, MaxBytes: 5000}, DiskMaxPercent: 80,
		Streams: map[string]retention.StreamPolicy{"live/b": {Priority: 3}},
	}, retention.Deps{
		Dir: dir, Clock: clock, Recordings: noRecordings{}, Disk: func(string) (filesystem.Capacity, error) {
			return filesystem.Capacity{UsableBytes: 100_000, FreeBytes: 60_000}, nil
		},
		Wall: wallclock.New(clock, func() bool { return synchronised }, slog.New(slog.DiscardHandler)),
		Read: retention.Reader{
			Entry: func(path string) (rec media.Recording, err error) {
				text, err := os.ReadFile(path)
				if err == nil {
					err = json.Unmarshal(text, &rec)
				}
				return rec, err
			},
			Writing:   func(path string) bool { return filepath.Base(path) == "grows.mp4.part" },
			Temporary: func(name string) bool { return name == ".temporary" },
			Event:     func(r media.Recording) bool { return len(r.Events) > 0 },
		},
	})
	require.NoError(t, err)
	defer func() { require.NoError(t, keeper.Close()) }()
	s, err := api.New(api.Config{Listen: "127.0.0.1:8080", Auth: auth.Config{None: true}}, api.Deps{
		Recorder: struct{ api.Recorder }{}, Streams: struct{ api.Streams }{}, Catalogue: struct{ api.Catalogue }{}, Files: playback.NewDir(dir, growing(dir)),
		Retention: keeper, Clock: clock,
	})
	require.NoError(t, err)
	ask := func(method, target string) (int, string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest(method, "http://127.0.0.1"+target, nil)
		r.RemoteAddr = "127.0.0.1:9"
		s.ServeHTTP(w, r)
		return w.Code, w.Body.String()
	}
	answered := func(held, clock string) string {
		return strings.NewReplacer("\n", "", "\t", "").Replace(retentionAnswer[0]+held+retentionAnswer[1]+clock+retentionAnswer[2]) + "\n"
	}
	code, body := ask("GET", "/mp4/retention")
	require.Equal(t, http.StatusOK, code, body)
	require.Equal(t, answered(`"held":{"cause":"mass_expiry","why":"2 of 7 recordings expired at once by the clock, which says 2026-03-10T08:00:00Z","files":2,"bytes":2003,
			"oldest":"2026-02-28T08:00:00.000000000Z","newest":"2026-03-01T08:00:00.000000000Z","clock":"2026-03-10T08:00:00.000000000Z","since":"2026-03-10T08:00:00.000000000Z","until":"2026-03-11T08:00:00.000000000Z"}`,
		`"clock":{"state":"believed","now":"2026-03-10T08:00:00.000000000Z"}`), body)
	synchronised = false
	_, body = ask("GET", "/mp4/retention")
	require.Equal(t, answered(`"held":{"cause":"clock","why":"the kernel does not say that the clock is synchronised, and it has agreed with the recordings for less than an hour","files":2,"bytes":2003,
			"oldest":"2026-02-28T08:00:00.000000000Z","newest":"2026-03-01T08:00:00.000000000Z","clock":"2026-03-10T08:00:00.000000000Z","since":"2026-03-10T08:00:00.000000000Z"}`,
		`"clock":{"state":"unproven","why":"the kernel does not say that the clock is synchronised, and it has agreed with the recordings for less than an hour","now":"2026-03-10T08:00:00.000000000Z"}`), body)

	synchronised = true
	ask("GET", "/mp4/retention")
	_, body = ask("POST", "/mp4/retention/confirm")
	require.Equal(t, `{"status":"confirmed","files":2,"bytes":2003,"oldest":"2026-02-28T08:00:00.000000000Z","newest":"2026-03-01T08:00:00.000000000Z"}`+"\n", body)
	ask("GET", "/mp4/retention")
	code, body = ask("POST", "/mp4/retention/confirm")
	require.Equal(t, http.StatusConflict, code)
	require.Equal(t, `{"status":"error","error":"nothing waits to be confirmed: the clock is believed, and what expires goes by itself"}`+"\n", body)
}

// retentionAnswer holds the parts of the response around the held files and the clock.
var retentionAnswer = [3]string{`{"status":"success","active":true,"disk_bytes":100000,"used_bytes":40000,"high_bytes":80000,"low_bytes":78000,"bytes":7038,"bytes_per_day":9020,"full_at":"2026-03-14T18:25:48.558758314Z",
	"now":[{"file_path":".temporary","size":10,"class":"orphan","cause":"max_bytes"},
		{"id":"00000000-0000-0000-0000-0000000000ef","file_path":"b/left.mp4.part","stream_path":"live/a","start_time":"2026-03-09T01:59:00.000000000Z","size":1007,"class":"orphan","cause":"max_bytes"},
		{"id":"00000000-0000-0000-0000-0000000000ea","file_path":"a/older.mp4","stream_path":"live/a","start_time":"2026-02-28T07:59:00.000000000Z","size":1002,"class":"footage","cause":"max_bytes"},
		{"id":"00000000-0000-0000-0000-0000000000e9","file_path":"a/old.mp4","stream_path":"live/a","start_time":"2026-03-01T07:59:00.000000000Z","size":1001,"class":"footage","cause":"max_bytes"}],
	"next":[{"id":"00000000-0000-0000-0000-0000000000eb","file_path":"a/new.mp4","stream_path":"live/a","start_time":"2026-03-09T19:59:00.000000000Z","size":1003,"class":"footage","cause":"room"},
		{"id":"00000000-0000-0000-0000-0000000000ec","file_path":"b/event.mp4","stream_path":"live/b","start_time":"2026-03-10T01:59:00.000000000Z","size":1004,"class":"event","cause":"room"}],
	`, `,
	"waiting":[{"id":"00000000-0000-0000-0000-0000000000ea","file_path":"a/older.mp4","stream_path":"live/a","start_time":"2026-02-28T07:59:00.000000000Z","size":1002,"class":"expired","cause":"expire_days"},
		{"id":"00000000-0000-0000-0000-0000000000e9","file_path":"a/old.mp4","stream_path":"live/a","start_time":"2026-03-01T07:59:00.000000000Z","size":1001,"class":"expired","cause":"expire_days"}],
	`, `,
	"kept":[{"reason":"being_written","files":1,"bytes":1006},
		{"reason":"not_ours","files":1,"bytes":12},
		{"reason":"protected","files":1,"bytes":1005}],
	"streams":[{"stream_path":"live/a","priority":0,"files":4,"bytes":4013,"protected_bytes":0,"oldest":"2026-02-28T07:59:00.000000000Z","newest":"2026-03-09T20:00:00.000000000Z","days":10.000694444444445,"bytes_per_day":1003},
		{"stream_path":"live/b","priority":3,"files":3,"bytes":3015,"protected_bytes":1005,"oldest":"2026-03-10T01:59:00.000000000Z","newest":"2026-03-10T08:00:00.000000000Z","days":0.25069444444444444,"bytes_per_day":8017}],
	"stopped":[]}`}
