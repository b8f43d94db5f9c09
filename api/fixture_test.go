package api

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/pipeline/recorder"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fixture provides everything that a server needs, in memory, with a real record directory.
type fixture struct {
	t   testing.TB
	dir string
	log *pipelinetest.Log

	mu        sync.Mutex
	live      map[string]bool // known streams, and whether they are live
	recording map[string]recorder.StartOptions
	status    map[string]recorder.StreamStatus
	list      []media.StreamInfo
	problems  map[string][]pipeline.Problem // of streams
	records   []media.Record                // by start
	growing   map[string]int64
	asked     []media.Query
	stopErr   error
	broken    error // the catalogue's answer instead
	degraded  bool
	ready     []Check
}

func newFixture(t testing.TB) *fixture {
	return &fixture{
		t: t, dir: t.TempDir(), log: &pipelinetest.Log{},
		live:      map[string]bool{"live/camera01": true, "a/b/c/d": true, "off": false},
		recording: map[string]recorder.StartOptions{},
		status:    map[string]recorder.StreamStatus{},
		growing:   map[string]int64{},
	}
}

func (w *fixture) deps() Deps {
	return Deps{
		Log: slog.New(slog.NewTextHandler(w.log, nil)), Recorder: w, Streams: w, Catalogue: (*shelf)(w),
		Files: playback.NewDir(w.dir, w.grows), Ready: func(context.Context) []Check { return w.ready },
	}
}

func (w *fixture) config() Config {
	return Config{Version: "v1.2.3", Listen: "127.0.0.1:0", RecordDir: w.dir}
}

func (w *fixture) server(change ...func(*Config, *Deps)) *Server {
	cfg, deps := w.config(), w.deps()
	for _, c := range change {
		c(&cfg, &deps)
	}
	s, err := New(cfg, deps)
	require.NoError(w.t, err)
	return s
}

func (w *fixture) grows(name string) (string, int64, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n, ok := w.growing[name]
	return name + ".part", n, ok
}

// put writes a file into the record directory.
func (w *fixture) put(name string, data []byte) {
	p := filepath.Join(w.dir, name)
	require.NoError(w.t, os.MkdirAll(filepath.Dir(p), 0o755))
	require.NoError(w.t, os.WriteFile(p, data, 0o644))
}

// add makes a record with a file; n sets its hour.
func (w *fixture) add(n int, stream string, change ...func(*media.Record)) media.Record {
	at := time.Date(2026, 3, 1, 0, 0, 0, 123456789, time.UTC).Add(time.Duration(n) * time.Hour)
	r := media.Record{Recording: media.Recording{
		ID: media.NewID(at), Stream: stream, Pipeline: "default", State: media.StateFinished,
		Path:     fmt.Sprintf("%s_%02d.mp4", strings.ReplaceAll(stream, "/", "_"), n),
		StartUTC: at.UnixNano(), EndUTC: at.Add(time.Minute).UnixNano(), DurationNS: int64(time.Minute), SizeBytes: 100,
		Tracks:    []media.TrackInfo{{Kind: "video", Codec: "h264", Width: 640, Height: 360}},
		EndReason: endcause.Stop,
	}}
	for _, c := range change {
		c(&r)
	}
	w.put(r.Path, make([]byte, r.SizeBytes))
	w.records = append(w.records, r)
	return r
}

func (w *fixture) Start(_ context.Context, stream string, o recorder.StartOptions) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.live[stream]; !known && !o.Wait {
		return false, NotFound("stream %q is neither live nor configured: publish it, or start with wait=true", stream)
	}
	_, already := w.recording[stream]
	if !already {
		w.recording[stream] = o
	}
	return already, nil
}

func (w *fixture) Stop(_ context.Context, stream string) (bool, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	_, was := w.recording[stream]
	delete(w.recording, stream)
	return was, w.stopErr
}

func (w *fixture) Stream(stream string) (recorder.StreamStatus, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	st, ok := w.status[stream]
	_, known := w.live[stream]
	_, st.Recording = w.recording[stream]
	if st.Stream = stream; st.Recording {
		st.State = cmp.Or(st.State, "recording")
	}
	st.State = cmp.Or(st.State, "idle")
	return st, ok || known || st.Recording
}

func (w *fixture) Recording() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var out []string
	for p := range w.recording {
		out = append(out, p)
	}
	return out
}

func (w *fixture) Problems(path string) []pipeline.Problem {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.problems[path])
}

func (w *fixture) Info(path string) (media.StreamInfo, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	i := slices.IndexFunc(w.list, func(s media.StreamInfo) bool { return s.Path == path })
	if i < 0 {
		return media.StreamInfo{}, false
	}
	return w.list[i], true
}

func (w *fixture) Paths() (paths []string) {
	for _, s := range w.List() {
		paths = append(paths, s.Path)
	}
	return paths
}

func (w *fixture) List() []media.StreamInfo {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.list)
}

// shelf is a fixture as catalogue: a sorted list, and a cursor that is a position.
type shelf fixture

func (c *shelf) Records(_ context.Context, q media.Query) (media.Page, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asked = append(c.asked, q)
	if c.broken != nil {
		return media.Page{}, c.broken
	}
	list := slices.Clone(c.records)
	slices.SortFunc(list, func(a, b media.Record) int { return cmp.Compare(a.StartUTC, b.StartUTC) })
	if !q.Ascending {
		slices.Reverse(list)
	}
	page := media.Page{Degraded: c.degraded}
	for i := range list {
		if !takes(&q, &list[i]) || q.Cursor != "" && !after(&list[i], q) {
			continue
		}
		if len(page.Records) == q.Limit {
			page.Next = strconv.FormatInt(page.Records[q.Limit-1].StartUTC, 10)
			break
		}
		page.Records = append(page.Records, list[i])
	}
	page.Behind = func(i int) string { return strconv.FormatInt(page.Records[i].StartUTC, 10) }
	return page, nil
}

func after(r *media.Record, q media.Query) bool {
	at, _ := strconv.ParseInt(q.Cursor, 10, 64)
	return !q.Ascending && r.StartUTC < at || q.Ascending && r.StartUTC > at
}

func takes(q *media.Query, r *media.Record) bool {
	below, prefix := strings.CutSuffix(q.Stream, "*")
	switch {
	case prefix && !strings.HasPrefix(r.Stream, below), !prefix && q.Stream != "" && r.Stream != q.Stream:
	case !q.Start.IsZero() && r.EndUTC <= q.Start.UnixNano(), !q.End.IsZero() && r.StartUTC >= q.End.UnixNano():
	case q.State != "" && r.State != q.State, q.Protected != nil && r.Protected != *q.Protected:
	default:
		return true
	}
	return false
}

func (c *shelf) at(id media.ID) (*media.Record, error) {
	if c.broken != nil {
		return nil, c.broken
	}
	for i := range c.records {
		if c.records[i].ID == id {
			return &c.records[i], nil
		}
	}
	return nil, NotFound("there is no recording %s", id)
}

func (c *shelf) Record(_ context.Context, id media.ID) (media.Record, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, err := c.at(id)
	if err != nil {
		return media.Record{}, err
	}
	return *r, nil
}

func (c *shelf) SetProtected(_ context.Context, id media.ID, p bool) (media.Record, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, err := c.at(id)
	if err != nil {
		return media.Record{}, err
	}
	r.Protected = p
	return *r, nil
}

func (c *shelf) Delete(_ context.Context, id media.ID) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	r, err := c.at(id)
	if err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(c.dir, r.Path)); err != nil {
		return err
	}
	c.records = slices.DeleteFunc(c.records, func(r media.Record) bool { return r.ID == id })
	return nil
}

// reply holds the answer to one request.
type reply struct {
	code   int
	header http.Header
	body   string
}

func (r reply) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	require.NoError(t, json.Unmarshal([]byte(r.body), &m), r.body)
	return m
}

// refused checks the shape of an error and returns its text.
func (r reply) refused(t *testing.T, code int) string {
	t.Helper()
	require.Equal(t, code, r.code, r.body)
	m := r.json(t)
	require.Equal(t, "error", m["status"])
	require.Len(t, m, 2)
	require.Equal(t, "application/json", r.header.Get("Content-Type"))
	return m["error"].(string)
}

// do makes a request to the handler, with headers as name, value, name, value.
func do(h http.Handler, method, target, body string, header ...string) reply {
	var in io.Reader
	if body != "" {
		in = strings.NewReader(body)
	}
	req := httptest.NewRequest(method, target, in)
	req.Host, req.RemoteAddr = "127.0.0.1:8080", "127.0.0.1:4444"
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
		} else {
			req.Header.Add(header[i], header[i+1])
		}
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, req)
	return reply{rec.Code, rec.Header(), rec.Body.String()}
}

// run serves on a real port until the test ends.
func (w *fixture) run(change ...func(*Config, *Deps)) (s *Server, base string) {
	s = w.server(change...)
	addr, err := s.Listen()
	require.NoError(w.t, err)
	tasks := pipeline.NewTasks(slog.New(slog.DiscardHandler), pipeline.SystemClock)
	failed := make(chan error, 1)
	tasks.Go("http", func(ctx context.Context) error {
		err := s.Serve(ctx)
		failed <- err
		return err
	})
	w.t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(w.t, tasks.Stop(ctx))
		require.NoError(w.t, <-failed)
	})
	return s, addr.String()
}
