package export

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/export/bundle"
	"github.com/gospool/spool/api/export/exporttest"
	"github.com/gospool/spool/api/export/manifest"
	"github.com/gospool/spool/api/export/verify"
	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// fixture is a store in a directory of its own.
type fixture struct {
	t      *testing.T
	dir    string
	source *exporttest.Source
	clock  *pipelinetest.Clock
	room   int64
	limits Limits
	*Store
}

func newFixture(t *testing.T) *fixture {
	f := &fixture{
		t: t, dir: t.TempDir(), clock: &pipelinetest.Clock{}, room: 1 << 40, limits: Limits{10, 1, time.Hour, 1 << 40},
		source: &exporttest.Source{Streams: map[string][]byte{"a": bytes.Repeat([]byte("a"), 3<<20), "b": []byte("bb")}},
	}
	f.open()
	return f
}

// open begins another run on the same directory.
func (f *fixture) open() {
	tasks := pipeline.NewTasks(slog.New(slog.DiscardHandler), f.clock)
	f.t.Cleanup(func() { require.NoError(f.t, tasks.Stop(context.Background())) })
	f.Store = New(Options{
		RecordDir: f.dir, Source: f.source, Recorder: func() manifest.Recorder { return manifest.Recorder{Name: "north", Program: "spool", Version: "1"} }, Limits: f.limits,
		Room: func() (int64, error) { return f.room, nil }, Tasks: tasks, Clock: f.clock, Log: slog.New(slog.DiscardHandler),
	})
	f.Load()
}

func (f *fixture) request(streams ...string) bundle.Request {
	now := f.clock.Now()
	return bundle.Request{Streams: streams, Start: now.Add(-time.Hour), End: now.Add(-time.Minute)}
}

func (f *fixture) create(streams ...string) Export {
	f.t.Helper()
	e, err := f.Create(f.t.Context(), f.request(streams...))
	require.NoError(f.t, err)
	require.Equal(f.t, Waiting, e.State)
	return e
}

// ended waits until an export has a state.
func (f *fixture) ended(e Export, state State) Export {
	f.t.Helper()
	var got Export
	require.Eventually(f.t, func() bool {
		var err error
		got, err = f.Get(e.ID)
		require.NoError(f.t, err)
		return got.State == state
	}, time.Minute, time.Millisecond, "%v", got.Err)
	return got
}

func (f *fixture) names() (names []string) {
	entries, err := os.ReadDir(filepath.Join(f.dir, Dir))
	require.True(f.t, err == nil || errors.Is(err, fs.ErrNotExist))
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func refused(t *testing.T, kind Kind, err error) {
	t.Helper()
	var own *Error
	require.ErrorAs(t, err, &own)
	require.Equal(t, kind, own.Kind, "%v", err)
}

func TestExportsAreMadeKeptAndDeleted(t *testing.T) {
	f := newFixture(t)
	require.Empty(t, f.names())
	one, two := f.create("a"), f.create("a", "b")
	got := f.ended(one, Finished)
	require.EqualValues(t, 3<<20, got.Bytes)
	require.EqualValues(t, 1, got.Share())
	require.Len(t, got.Files, 3)
	require.Len(t, f.ended(two, Finished).Files, 1)
	ids := []media.ID{one.ID, two.ID} // of one millisecond they have no order by age
	slices.SortFunc(ids, func(a, b media.ID) int { return strings.Compare(b.String(), a.String()) })
	require.Equal(t, ids, []media.ID{f.List()[0].ID, f.List()[1].ID}, "the newest first")
	before := f.List()
	f.open()
	require.Equal(t, before, f.List(), "another run lists the same")
	key, err := f.Key()
	require.NoError(t, err)
	for _, e := range f.List() {
		dir := filepath.Join(f.dir, Dir, e.ID.String())
		reports, err := verify.Path(t.Context(), dir, verify.Options{Key: key.Public()})
		require.NoError(t, err)
		require.Empty(t, reports[0].Differences)
		in, err := f.Open(e.ID, e.Files[0].Name)
		require.NoError(t, err)
		text, err := io.ReadAll(in)
		require.NoError(t, errors.Join(err, in.Close()))
		require.Len(t, text, int(e.Files[0].SizeBytes))
		info, err := os.Stat(dir)
		require.NoError(t, err)
		require.EqualValues(t, 0o700, info.Mode().Perm())
	}
	for _, name := range []string{"", "..", "../" + two.ID.String(), recordName, "x"} {
		_, err := f.Open(one.ID, name)
		refused(t, Unknown, err)
	}
	_, err = f.Delete(one.ID)
	require.NoError(t, err)
	require.Equal(t, []string{two.ID.String()}, f.names())
	_, err = f.Delete(one.ID)
	refused(t, Unknown, err)
	_, err = f.Open(one.ID, "x")
	refused(t, Unknown, err)
}

func TestAnExportIsCancelled(t *testing.T) {
	f := newFixture(t)
	f.source.Opened, f.source.Wait = make(chan struct{}), make(chan struct{})
	running := f.create("a")
	<-f.source.Opened
	waiting := f.create("b")
	f.ended(running, Running)
	f.ended(waiting, Waiting)
	_, err := f.Open(running.ID, "x")
	refused(t, Unknown, err)
	require.Len(t, f.names(), 1)
	for _, e := range []Export{waiting, running} {
		_, err := f.Delete(e.ID)
		require.NoError(t, err)
	}
	require.Empty(t, f.names())
	require.Empty(t, f.List())
}

func TestExportsAreBounded(t *testing.T) {
	f := newFixture(t)
	f.limits.Count = 2
	f.source.Opened, f.source.Wait = make(chan struct{}), make(chan struct{})
	f.room = 5 << 20
	f.open()
	first := f.create("a")
	<-f.source.Opened
	_, err := f.Create(t.Context(), f.request("a", "b"))
	refused(t, NoRoom, err)
	require.ErrorContains(t, err, "the disk has room for")
	f.create("b")
	_, err = f.Create(t.Context(), f.request("b"))
	refused(t, Full, err)
	_, err = f.Create(t.Context(), f.request("c"))
	refused(t, Unknown, err)
	_, err = f.Create(t.Context(), bundle.Request{})
	refused(t, Invalid, err)
	f.room = -1
	close(f.source.Wait)
	<-f.source.Opened
	f.ended(first, Finished) // the file is shorter than a block: the disk is not looked at
}

// The disk becomes full while an export is written.
func TestAnExportStopsWhenTheDiskBecomesFull(t *testing.T) {
	f := newFixture(t)
	f.source.Streams["a"] = make([]byte, 3*blockBytes)
	f.source.Opened, f.source.Wait = make(chan struct{}), make(chan struct{})
	e := f.create("a")
	<-f.source.Opened
	f.room = -1
	close(f.source.Wait)
	refused(t, NoRoom, f.ended(e, Failed).Err)
	require.Empty(t, f.names(), "nothing is left")
}

// A crash leaves an export that is not finished, or that was being deleted.
func TestTheLeftoversOfACrashAreRemoved(t *testing.T) {
	f := newFixture(t)
	e := f.ended(f.create("b"), Finished)
	left := filepath.Join(f.dir, Dir, media.NewID(time.Now()).String()+unfinished)
	require.NoError(t, os.Mkdir(left, 0o700))
	require.NoError(t, os.WriteFile(filepath.Join(left, "x.mp4"), []byte("x"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(f.dir, Dir, "mine"), 0o700))
	f.open()
	require.Equal(t, []string{e.ID.String(), "mine"}, f.names())
	require.Len(t, f.List(), 1)

	require.NoError(t, os.WriteFile(filepath.Join(f.dir, Dir, e.ID.String(), recordName), []byte("{}"), 0o600))
	f.open()
	require.Empty(t, f.List())
	require.Len(t, f.names(), 2, "what cannot be read stays")
}

func TestOldExportsAreDeleted(t *testing.T) {
	f := newFixture(t)
	f.source.Streams["c"] = make([]byte, 3*blockBytes)
	e := f.ended(f.create("b"), Finished)
	f.clock.Set(50 * time.Minute)
	younger := f.ended(f.create("b"), Finished)
	require.InDelta(t, 10*time.Minute, f.expire(), float64(time.Minute))
	require.WithinDuration(t, e.Finished.Add(time.Hour), f.Expires(&e), 0)
	f.clock.Set(11 * time.Minute)
	f.expire()
	require.Equal(t, []string{younger.ID.String()}, f.names())
	f.limits.Keep = 0
	f.open()
	f.clock.Set(1000 * time.Hour)
	require.Equal(t, mostSleep, f.expire())
	require.Len(t, f.names(), 1)
}

func TestOtherErrorsOfTheDiskAreTheExports(t *testing.T) {
	f := newFixture(t)
	require.NoError(t, os.WriteFile(filepath.Join(f.dir, Dir), []byte("a file"), 0o600))
	e := f.ended(f.create("b"), Failed)
	require.ErrorContains(t, e.Err, "in the place of a file or directory of spool's own")
	_, err := f.Delete(e.ID)
	require.Error(t, err)
}

// All exports together write no faster than the pace, and a pause follows each sync.
func TestExportsKeepThePace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pace{clock: pipeline.SystemClock, perSecond: 1 << 20}
		began, ended := time.Now(), make(chan struct{})
		for range 2 {
			go func() {
				for range 8 {
					p.wait(t.Context(), 1<<20)
				}
				ended <- struct{}{}
			}()
		}
		<-ended
		<-ended
		require.Equal(t, 15*time.Second, time.Since(began))

		slow := &slowDisk{}
		f := &pacedFile{file: slow, ctx: t.Context(), pace: &pace{clock: pipeline.SystemClock, perSecond: 1 << 40}, room: func() error { return nil }}
		began = time.Now()
		n, err := f.Write(make([]byte, 2*blockBytes+5))
		require.NoError(t, err)
		require.Equal(t, 2*blockBytes+5, n)
		require.Equal(t, int64(n), slow.bytes)
		require.InDelta(t, 4*time.Second, time.Since(began), float64(time.Second))
		require.NoError(t, f.Close())
		require.Equal(t, 3, slow.syncs)
	})
}

// slowDisk is a file that takes a second for each sync.
type slowDisk struct {
	bytes int64
	syncs int
}

func (d *slowDisk) WriteAt(p []byte, _ int64) (int, error) {
	d.bytes += int64(len(p))
	return len(p), nil
}
func (d *slowDisk) Sync() error {
	d.syncs++
	time.Sleep(time.Second)
	return nil
}
func (*slowDisk) Truncate(int64) error { return nil }
func (*slowDisk) Allocate(int64) error { return nil }
func (*slowDisk) Close() error         { return nil }

func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"name":"x","streams":["a"],"files":[{"name":"x.mp4"}]}`))
	f.Add([]byte(`{"streams":["a"],"files":[{"name":"../x"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := decode(media.ID{1}, text)
		if err != nil {
			return
		}
		for _, file := range e.Files {
			require.Equal(t, file.Name, filepath.Base(file.Name))
		}
		_, err = encode(e)
		_ = err // a year beyond 9999 has no text
	})
}
