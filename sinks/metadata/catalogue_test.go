package metadata

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/dbtest"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("SPOOL_TEST_WRITER"); dir != "" {
		writeUntilKilled(dir)
		return
	}
	if dir := os.Getenv("SPOOL_TEST_FILLER"); dir != "" {
		fillUntilKilled(dir)
		return
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		servers.Close()
		os.Exit(code)
	}))
}

// servers are the database servers that tests share unless they stop them.
var servers dbtest.Shared

// eachDatabase runs a test on an empty database of each driver, beside other tests. The test's
// function returns before it: the call is the last one.
func eachDatabase(t *testing.T, test func(t *testing.T, driver, dsn string)) {
	t.Parallel()
	for _, driver := range drivers {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			test(t, driver, servers.Fresh(t, driver))
		})
	}
}

// eachDatabaseAlone is eachDatabase for tests that measure the process: no other test runs meanwhile.
func eachDatabaseAlone(t *testing.T, test func(t *testing.T, driver, dsn string)) {
	for _, driver := range drivers {
		t.Run(driver, func(t *testing.T) { test(t, driver, servers.Fresh(t, driver)) })
	}
}

var drivers = []string{"sqlite", "postgres", "mysql"}

// opened is a catalogue that the test may close early.
type opened struct {
	*Catalogue
	close func()
}

func openWith(t *testing.T, o OpenOptions) opened {
	t.Helper()
	if o.JournalDir == "" {
		o.JournalDir = t.TempDir()
	}
	if o.Node == "" {
		o.Node = "node1"
	}
	if o.Log == nil {
		o.Log = slog.New(slog.NewTextHandler(testLog{t}, nil))
	}
	o.Tasks = pipeline.NewTasks(o.Log, pipeline.SystemClock)
	c, err := Open(t.Context(), o)
	require.NoError(t, err)
	closed := false
	end := func() {
		if closed {
			return
		}
		closed = true
		ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		require.NoError(t, c.Close(ctx))
		require.NoError(t, o.Tasks.Stop(ctx))
	}
	t.Cleanup(end)
	return opened{c, end}
}

type testLog struct{ t *testing.T }

func (l testLog) Write(b []byte) (int, error) { l.t.Logf("%s", b); return len(b), nil }

func open(t *testing.T, driver, dsn string) opened {
	t.Helper()
	c := openWith(t, OpenOptions{Driver: driver, DSN: dsn})
	ready(t, c.Catalogue)
	return c
}

func ready(t *testing.T, c *Catalogue) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	require.NoError(t, c.Ready(ctx))
}

// base is the start of the tests' first recording.
var base = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.UTC)

func testID(n int) media.ID {
	id := media.NewID(base.Add(time.Duration(n) * time.Millisecond))
	return id
}

// sample returns the n-th recording of a minute each.
func sample(n int, stream string) media.Recording {
	start := base.Add(time.Duration(n) * time.Minute)
	rec := media.Recording{
		ID: testID(n), Stream: stream, Pipeline: "default", Path: fmt.Sprintf("%s/%06d.mp4", stream, n),
		State: media.StateFinished, StartUTC: start.UnixNano(), EndUTC: start.Add(time.Minute).UnixNano(),
		DurationNS: int64(time.Minute), SizeBytes: int64(1000 + n), EndReason: endcause.MaxDuration,
		Tracks: []media.TrackInfo{{Kind: "video", Codec: "h264", Width: 640, Height: 360}, {Kind: "audio", Codec: "aac", SampleRate: 48000, Channels: 2}},
		Gap:    media.Gap{Cause: media.GapSourceLost, DurationNS: 1500, Chunks: 2},
	}
	if n%2 == 1 { // the others have none, as rows of earlier versions
		rec.Gaps = []media.Gap{
			{Cause: media.GapRTPLoss, StartUTC: rec.StartUTC + 123_456_789, DurationNS: 1 << 40, Track: 2, AccessUnits: 1 << 30, Bytes: 1<<62 + 1, Places: 3},
			{Cause: media.GapDamaged, StartUTC: rec.StartUTC + int64(time.Second), Chunks: 4},
		}
		rec.Anchors = media.Anchors{{UTC: rec.StartUTC}, {MediaNS: int64(time.Minute) + 1, UTC: rec.EndUTC + 7}}
	}
	return rec
}

func put(t *testing.T, c opened, recs ...media.Recording) {
	t.Helper()
	for _, r := range recs {
		require.NoError(t, c.Put(t.Context(), r))
	}
}

func records(t *testing.T, c opened, q media.Query) media.Page {
	t.Helper()
	p, err := c.Records(t.Context(), q)
	require.NoError(t, err)
	return p
}

// all pages through a query and returns every recording of it.
func all(t *testing.T, c opened, q media.Query) (out []media.Recording) {
	t.Helper()
	for {
		p := records(t, c, q)
		for until := time.Now().Add(patience); p.Degraded && time.Now().Before(until); p = records(t, c, q) {
			time.Sleep(time.Millisecond) // a database that has just come back may need longer than a query's bound
		}
		require.False(t, p.Degraded, "the database must answer")
		for _, r := range p.Records {
			out = append(out, r.Recording)
		}
		if p.Next == "" {
			return out
		}
		require.NotEmpty(t, p.Records)
		q.Cursor = p.Next
	}
}

func TestEveryFieldComesBackFromEveryDatabase(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		want := sample(1, `live/ö'"\%_;--\0 {?}`)
		want.Path = `a'b\c/"d"?.mp4`
		put(t, c, want)
		ready(t, c.Catalogue)
		got, err := c.Record(t.Context(), want.ID)
		require.NoError(t, err)
		require.Equal(t, want, got.Recording)
		require.Equal(t, "node1", got.Node)
		require.False(t, got.Pending)
		require.Empty(t, got.Events)
		require.Positive(t, got.Revision)
		_, err = c.Record(t.Context(), testID(9))
		require.ErrorIs(t, err, ErrNotFound)
	})
}

func TestARowFollowsItsRecordingThroughItsLife(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		rec := sample(1, "live/a")
		growing := rec
		growing.State, growing.EndUTC, growing.SizeBytes, growing.EndReason = media.StateRecording, 0, 0, ""
		put(t, c, growing)
		ready(t, c.Catalogue)
		_, err := c.Delete(t.Context(), rec.ID)
		require.ErrorIs(t, err, ErrGrowing)

		got, err := c.SetProtected(t.Context(), rec.ID, true)
		require.NoError(t, err)
		require.True(t, got.Protected)
		put(t, c, rec) // the recorder does not have the protection
		ready(t, c.Catalogue)
		got, err = c.Record(t.Context(), rec.ID)
		require.NoError(t, err)
		require.True(t, got.Protected, "a recorder's row must not lift a protection")
		require.Equal(t, media.StateFinished, got.State)
		require.Equal(t, rec.SizeBytes, got.SizeBytes)

		_, err = c.Delete(t.Context(), rec.ID)
		require.ErrorIs(t, err, ErrProtected)
		_, err = c.SetProtected(t.Context(), rec.ID, false)
		require.NoError(t, err)
		old, err := c.Delete(t.Context(), rec.ID)
		require.NoError(t, err)
		require.Equal(t, rec.Path, old.Path)
		_, err = c.Record(t.Context(), rec.ID)
		require.ErrorIs(t, err, ErrNotFound, "also before the database knows")
		ready(t, c.Catalogue)
		_, err = c.Delete(t.Context(), rec.ID)
		require.ErrorIs(t, err, ErrNotFound)
		require.Empty(t, all(t, c, media.Query{}))
	})
}

func TestABatchWithOneRowManyTimesKeepsTheLast(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		rec := sample(1, "live/a")
		for i := range 50 {
			rec.SizeBytes = int64(i)
			put(t, c, rec, sample(100+i, "live/b"))
		}
		ready(t, c.Catalogue)
		got, err := c.Record(t.Context(), rec.ID)
		require.NoError(t, err)
		require.EqualValues(t, 49, got.SizeBytes)
		require.Len(t, all(t, c, media.Query{}), 51)
	})
}

func TestOldChangesNeverMoveARowBack(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		s := c.store.Load()
		change := func(rev int64, kind journal.Kind, size int64, protected bool) journal.Change {
			rec := sample(1, "live/a")
			rec.ID, rec.SizeBytes, rec.Protected = media.ID{1}, size, protected
			r, err := row.Of(rec, "node1")
			require.NoError(t, err)
			o := journal.Change{Revision: rev, Kind: kind, Row: r}
			o.Seal()
			return o
		}
		write := func(ops ...journal.Change) {
			others, err := s.write(t.Context(), "journal", []string{"node1"}, ops)
			require.NoError(t, err)
			require.Empty(t, others)
		}
		write(change(100, journal.Put, 1, false))
		write(change(300, journal.Put, 3, true))
		write(change(400, journal.Protect, 0, false))
		write(change(200, journal.Put, 2, false), change(350, journal.Protect, 0, true))
		write(change(300, journal.Put, 9, true))
		got, err := c.Record(t.Context(), media.ID{1})
		require.NoError(t, err)
		require.EqualValues(t, 3, got.SizeBytes)
		require.False(t, got.Protected)
		at, err := s.position(t.Context(), "journal", []string{"node1"})
		require.NoError(t, err)
		require.EqualValues(t, 400, at)
	})
}

func TestConfigurationErrorsComeAtOnceAndKeepSecrets(t *testing.T) {
	for _, tc := range []struct{ driver, dsn, want string }{
		{"oracle", "x", "sqlite, postgres or mysql"},
		{"", "x", "sqlite, postgres or mysql"},
		{"sqlite", "", "path of a file"},
		{"sqlite", ":memory:", "path of a file"},
		{"postgres", "postgres://u:hunter2@host:notaport/db", "cannot be read for postgres"},
		{"mysql", "u:hunter2@tcp(host", "cannot be read for mysql"},
		{"mysql", "u:hunter2@tcp(host)/", "cannot be read for mysql"},
	} {
		_, err := Open(t.Context(), OpenOptions{Driver: tc.driver, DSN: tc.dsn, JournalDir: t.TempDir(),
			Tasks: pipeline.NewTasks(slog.New(slog.DiscardHandler), pipeline.SystemClock)})
		require.ErrorContains(t, err, tc.want, "%s %s", tc.driver, tc.dsn)
		require.NotContains(t, err.Error(), "hunter2")
	}
}

func TestUnstorableRecordingsAreRefusedBeforeTheJournal(t *testing.T) {
	c := openWith(t, OpenOptions{Driver: "sqlite", DSN: dbtest.SQLite(t)})
	for name, spoil := range map[string]func(*media.Recording){
		"no id":         func(r *media.Recording) { r.ID = media.ID{} },
		"no stream":     func(r *media.Recording) { r.Stream = "" },
		"absolute path": func(r *media.Recording) { r.Path = "/etc/passwd" },
		"path climbs":   func(r *media.Recording) { r.Path = "../x.mp4" },
		"path unclean":  func(r *media.Recording) { r.Path = "a//x.mp4" },
		"long stream":   func(r *media.Recording) { r.Stream = string(make([]byte, 300)) },
		"nul":           func(r *media.Recording) { r.Stream = "a\x00b" },
		"not utf-8":     func(r *media.Recording) { r.Stream = "a\xff" },
	} {
		rec := sample(1, "live/a")
		spoil(&rec)
		require.ErrorIs(t, c.Put(t.Context(), rec), row.ErrInvalid, name)
	}
	require.EqualValues(t, 8, c.Stats().Invalid)
	require.Zero(t, c.Stats().JournalBytes)
}

func TestTwoProcessesDoNotShareAJournal(t *testing.T) {
	dir := t.TempDir()
	openWith(t, OpenOptions{Driver: "sqlite", DSN: dbtest.SQLite(t), JournalDir: dir})
	_, err := Open(t.Context(), OpenOptions{Driver: "sqlite", DSN: dbtest.SQLite(t), JournalDir: dir,
		Tasks: pipeline.NewTasks(slog.New(slog.DiscardHandler), pipeline.SystemClock)})
	require.ErrorContains(t, err, "another process has it")
}

func TestDatabaseFileInAFolderWithOddCharacters(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a b%41#c;d")
	c := open(t, "sqlite", filepath.Join(dir, "x.db"))
	put(t, c, sample(1, "live/a"))
	ready(t, c.Catalogue)
	require.Len(t, all(t, c, media.Query{}), 1)
	require.FileExists(t, filepath.Join(dir, "x.db"))
}
