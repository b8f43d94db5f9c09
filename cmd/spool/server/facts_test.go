package server

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4"
	"github.com/gospool/spool/sinks/mp4/facts"
)

// TestAnEmptyCatalogueReadsFactsBesideFinishedFiles checks that a new catalogue gets
// protection, also a revoked one, and events from the facts beside the files. The deletion of a
// recording removes its facts.
func TestAnEmptyCatalogueReadsFactsBesideFinishedFiles(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeAlways, "before: 8, after: 6", "max_duration: 5")
	f := r.publish("live/x", 25)
	f.feed(23*25 - f.frames)
	at := f.at(9)
	records := f.end()
	require.GreaterOrEqual(t, len(records), 4)
	e := r.events(0, 0)
	_, err := e.Trigger(t.Context(), "live/x", pipeline.Trigger{ID: media.ID{1}, At: at, Before: 3 * time.Second, After: 2 * time.Second})
	require.NoError(t, err)
	for i, yes := range map[int][]bool{0: {true}, 3: {true, false}} {
		for _, y := range yes {
			_, err := e.recordings.SetProtected(t.Context(), records[i].ID, y)
			require.NoError(t, err)
		}
	}
	require.NoError(t, r.catalogue.Flush(t.Context()))

	empty, err := metadata.Open(t.Context(), metadata.OpenOptions{
		Driver: "sqlite", DSN: filepath.Join(t.TempDir(), "again.db"), JournalDir: filepath.Join(t.TempDir(), "journal"),
		Node: "test", Clock: pipeline.SystemClock, Tasks: r.tasks,
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, empty.Close(context.Background())) })
	require.NoError(t, empty.Ready(t.Context()))
	found, err := empty.Reconcile(t.Context(), metadata.Comparison{Dir: r.dir, ReadEntry: mp4.ReadEntry, IsLive: unfinished(r.dir)})
	require.NoError(t, err)
	require.Equal(t, len(records), found.Added)
	protected, named := 0, 0
	for _, rec := range records {
		want, err := r.catalogue.Record(t.Context(), rec.ID)
		require.NoError(t, err)
		got, err := empty.Record(t.Context(), rec.ID)
		require.NoError(t, err)
		require.Equal(t, want.Protected, got.Protected)
		require.Equal(t, want.Events, got.Events)
		require.Equal(t, want.Gaps, got.Gaps)
		require.Equal(t, want.Anchors, got.Anchors)
		require.NotEmpty(t, got.Anchors)
		if got.Protected {
			protected++
		}
		named += len(got.Events)
	}
	require.GreaterOrEqual(t, protected, 3, "by hand, and by the event")
	require.GreaterOrEqual(t, named, 2)

	_, err = e.recordings.SetProtected(t.Context(), records[0].ID, false)
	require.NoError(t, err)
	said := filepath.Join(r.dir, facts.Directory, records[0].ID.String())
	require.FileExists(t, said)
	require.NoError(t, e.recordings.Delete(t.Context(), records[0].ID))
	require.NoFileExists(t, said)
}

// TestFactsWithoutARecordingAreRemoved checks that facts without a recording are removed after a
// comparison with the disk that left nothing open.
func TestFactsWithoutARecordingAreRemoved(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeAlways, "before: 1, after: 1", "")
	f := r.publish("live/x", 25)
	f.feed(5 * 25)
	own := f.end()[0]
	yes := true
	for _, id := range []media.ID{own.ID, {0xfe}} {
		require.NoError(t, facts.In(r.dir).Change(id, func(f *facts.Facts) error { f.Protected = &yes; return nil }))
	}
	for _, open := range []metadata.Report{{Unfinished: 1}, {Foreign: 1}, {Aside: 1}, {Busy: 1}} {
		removed, err := forgetOrphans(t.Context(), r.catalogue, r.dir, turns(r.footage).Alone, open)
		require.NoError(t, err)
		require.Zero(t, removed)
	}
	removed, err := forgetOrphans(t.Context(), r.catalogue, r.dir, turns(r.footage).Alone, metadata.Report{})
	require.NoError(t, err)
	require.Equal(t, 1, removed)
	left, err := facts.In(r.dir).Recordings()
	require.NoError(t, err)
	require.Equal(t, []media.ID{own.ID}, left)
}

// TestDamagedFactsAreReported checks that each comparison reports damaged facts until they are
// whole again. The recording counts as protected meanwhile.
func TestDamagedFactsAreReported(t *testing.T) {
	r := newEventFixture(t, pipeline.ModeAlways, "before: 1, after: 1", "")
	f := r.publish("live/x", 25)
	f.feed(5 * 25)
	own := f.end()[0]
	no := false
	for _, id := range []media.ID{own.ID, {0xfe}} { // the second has no recording
		require.NoError(t, facts.In(r.dir).Change(id, func(f *facts.Facts) error { f.Protected = &no; return nil }))
		name := filepath.Join(r.dir, facts.Directory, id.String())
		b, err := os.ReadFile(name)
		require.NoError(t, err)
		b[len(b)-2] ^= 1
		require.NoError(t, os.WriteFile(name, b, 0o600))
	}
	found, err := Compare(t.Context(), r.catalogue, r.dir, Turns{}, nil)
	require.NoError(t, err)
	require.NoError(t, found.Unread)
	require.Equal(t, []media.ID{own.ID}, found.Damaged)
	var said bytes.Buffer
	found.logDamaged(slog.New(slog.NewTextHandler(&said, nil)))
	require.Contains(t, said.String(), own.ID.String())
	protected, err := (files{r.dir}).Protected(own.Path, own.ID)
	require.NoError(t, err)
	require.True(t, protected)

	_, err = r.footage.SetProtected(t.Context(), own.ID, false)
	require.NoError(t, err)
	found, err = Compare(t.Context(), r.catalogue, r.dir, Turns{}, nil)
	require.NoError(t, err)
	require.Empty(t, found.Damaged)
}
