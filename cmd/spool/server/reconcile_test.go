package server

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/sinks/footage"
	"github.com/gospool/spool/sinks/metadata"
	"github.com/gospool/spool/sinks/mp4/facts"
)

// compareFixture has one finished recording whose row has another size than its file. A wait for
// another change of a recording fails at once.
func compareFixture(t *testing.T) (*eventFixture, media.Record) {
	r := newEventFixture(t, pipeline.ModeAlways, "before: 1, after: 1", "")
	f := r.publish("live/x", 25)
	f.feed(5 * 25)
	rec := f.end()[0]
	stale := rec.Recording
	stale.SizeBytes++
	require.NoError(t, r.catalogue.Put(t.Context(), stale))
	require.NoError(t, r.catalogue.Flush(t.Context()))
	r.footage.Clock = impatient{pipeline.SystemClock}
	return r, rec
}

// compare calls before when the comparison has read a row and is about to lock the recording,
// and within when it has changed the recording and still holds the lock.
func (r *eventFixture) compare(before, within func(media.ID)) Compared {
	r.t.Helper()
	by := turns(r.footage)
	alone, aloneWith := by.Alone, by.AloneWith
	by.Alone = func(ctx context.Context, id media.ID, change func(context.Context) error) error {
		before(id)
		return alone(ctx, id, func(ctx context.Context) error {
			within(id)
			err := change(ctx)
			within(id)
			return err
		})
	}
	by.AloneWith = func(ctx context.Context, ids []media.ID, change func(context.Context, []media.ID) error) error {
		each := func(do func(media.ID), ids []media.ID) {
			for _, id := range ids {
				do(id)
			}
		}
		each(before, ids)
		return aloneWith(ctx, ids, func(ctx context.Context, free []media.ID) error {
			each(within, free)
			err := change(ctx, free)
			each(within, free)
			return err
		})
	}
	found, err := Compare(r.t.Context(), r.catalogue, r.dir, by, nil)
	require.NoError(r.t, err)
	return found
}

func nothing(media.ID) {}

// TestAChangeBeforeAComparisonWritesItsRow checks that an event, protection and deletion remain in
// effect if they come after the comparison has read the row and before it changes it.
func TestAChangeBeforeAComparisonWritesItsRow(t *testing.T) {
	r, rec := compareFixture(t)
	ev := media.Event{ID: media.ID{9}, AtUTC: rec.StartUTC, StartUTC: rec.StartUTC, EndUTC: rec.EndUTC}
	found := r.compare(func(id media.ID) {
		_, err := r.footage.AddEvent(t.Context(), id, ev)
		require.NoError(t, err)
		_, err = r.footage.SetProtected(t.Context(), id, true)
		require.NoError(t, err)
	}, nothing)
	require.Equal(t, metadata.Report{Files: 1, Updated: 1}, found.Report)
	now, err := r.catalogue.Record(t.Context(), rec.ID)
	require.NoError(t, err)
	require.Equal(t, rec.SizeBytes, now.SizeBytes)
	require.True(t, now.Protected)
	require.Contains(t, now.Events, ev)

	_, err = r.footage.SetProtected(t.Context(), rec.ID, false)
	require.NoError(t, err)
	stale := now.Recording
	stale.SizeBytes, stale.Protected = 1, false
	require.NoError(t, r.catalogue.Put(t.Context(), stale))
	require.NoError(t, r.catalogue.Flush(t.Context()))
	found = r.compare(func(id media.ID) { require.NoError(t, r.footage.Delete(t.Context(), id)) }, nothing)
	require.Equal(t, metadata.Report{Files: 1}, found.Report)
	_, err = r.catalogue.Record(t.Context(), rec.ID)
	require.ErrorIs(t, err, metadata.ErrNotFound)
}

// TestAChangeWhileAComparisonHoldsTheRecording checks that a change is refused or waits: nothing changes
// file or row between the comparison's read of both and its write of the row.
func TestAChangeWhileAComparisonHoldsTheRecording(t *testing.T) {
	r, rec := compareFixture(t)
	ev := media.Event{ID: media.ID{9}, AtUTC: rec.StartUTC, StartUTC: rec.StartUTC, EndUTC: rec.EndUTC}
	refused := 0
	found := r.compare(nothing, func(id media.ID) {
		refused++
		var busy *footage.BusyError
		_, err := r.footage.AddEvent(t.Context(), id, ev)
		require.ErrorAs(t, err, &busy)
		_, err = r.footage.SetProtected(t.Context(), id, true)
		require.ErrorAs(t, err, &busy)
		require.ErrorAs(t, r.footage.Delete(t.Context(), id), &busy)
		require.ErrorIs(t, r.footage.Evict(t.Context(), media.DeletedFile{ID: id, Path: rec.Path}, false), footage.ErrKept)
	})
	require.Equal(t, 2, refused, "before the row is changed, and after")
	require.Equal(t, metadata.Report{Files: 1, Updated: 1}, found.Report)
	_, err := r.footage.AddEvent(t.Context(), rec.ID, ev)
	require.NoError(t, err)
	now, err := r.catalogue.Record(t.Context(), rec.ID)
	require.NoError(t, err)
	require.Contains(t, now.Events, ev)
	require.Equal(t, rec.SizeBytes, now.SizeBytes)
}

// TestAComparisonDoesNotEndAtARecordingThatIsBusy checks that the comparison counts such a
// recording and keeps the facts beside files, which may belong to it.
func TestAComparisonDoesNotEndAtARecordingThatIsBusy(t *testing.T) {
	r, rec := compareFixture(t)
	yes := true
	orphan := media.ID{0xfe}
	require.NoError(t, facts.In(r.dir).Change(orphan, func(f *facts.Facts) error { f.Protected = &yes; return nil }))
	require.NoError(t, r.footage.Alone(t.Context(), rec.ID, func(ctx context.Context) error {
		found, err := Compare(ctx, r.catalogue, r.dir, turns(r.footage), nil)
		require.NoError(t, err)
		require.Equal(t, Compared{Report: metadata.Report{Files: 1, Busy: 1}}, found)
		return nil
	}))
	found, err := Compare(t.Context(), r.catalogue, r.dir, turns(r.footage), nil)
	require.NoError(t, err)
	require.Equal(t, metadata.Report{Files: 1, Updated: 1}, found.Report)
	require.Positive(t, found.Forgotten)
	require.NoFileExists(t, filepath.Join(r.dir, facts.Directory, orphan.String()))
}

// TestFactsOfARecordingThatGetsItsRowStay gives a recording its row after the comparison
// has looked for it.
func TestFactsOfARecordingThatGetsItsRowStay(t *testing.T) {
	for name, row := range map[string]bool{"it gets its row": true, "it gets none": false} {
		t.Run(name, func(t *testing.T) {
			r := newEventFixture(t, pipeline.ModeAlways, "", "")
			rec := media.Recording{
				ID: media.ID{0xfe}, Stream: "live/x", Pipeline: "events", Path: "a.mp4", State: media.StateRecovered,
				StartUTC: 1e18, EndUTC: 2e18, EndReason: endcause.Crash,
			}
			yes := true
			require.NoError(t, facts.In(r.dir).Change(rec.ID, func(f *facts.Facts) error { f.Protected = &yes; return nil }))
			asked := 0
			found := r.compare(func(id media.ID) {
				require.Equal(t, rec.ID, id)
				if asked++; row {
					require.NoError(t, r.catalogue.Put(t.Context(), rec))
				}
			}, nothing)
			require.Equal(t, 1, asked)
			said := filepath.Join(r.dir, facts.Directory, rec.ID.String())
			if row {
				require.Zero(t, found.Forgotten)
				require.FileExists(t, said)
				return
			}
			require.Equal(t, 1, found.Forgotten)
			require.NoFileExists(t, said)
		})
	}
}

// tells is an impatient clock that signals the begin of a wait.
type tells struct {
	impatient
	waits chan struct{}
}

func (c tells) After(d time.Duration) (<-chan time.Time, func()) {
	select {
	case c.waits <- struct{}{}:
	default:
	}
	return c.impatient.After(d)
}

// TestARecoveredFileWaitsForItsRow checks that recovery waits while another change holds the
// recording, for as long as that takes, and reads the events only afterwards, so that none is
// lost.
func TestARecoveredFileWaitsForItsRow(t *testing.T) {
	r := start(t, t.TempDir(), "", 0, true)
	rec := media.Recording{
		ID: media.NewID(time.Now()), Stream: "a", Pipeline: "default", Path: "a/1.mp4", State: media.StateRecovered,
		StartUTC: 1e18, EndUTC: 2e18, DurationNS: 1e18, SizeBytes: 1000, EndReason: endcause.Crash,
	}
	require.NoError(t, os.MkdirAll(filepath.Join(r.dir, "a"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(r.dir, rec.Path), make([]byte, rec.SizeBytes), 0o600)) // another content of the same size
	clock := tells{impatient{pipeline.SystemClock}, make(chan struct{}, 1)}
	r.footage.Clock = clock
	ev := media.Event{ID: media.ID{9}, AtUTC: 15e17, StartUTC: 14e17, EndUTC: 16e17}
	over := make(chan struct{})
	require.NoError(t, r.footage.Alone(t.Context(), rec.ID, func(ctx context.Context) error {
		go func() {
			defer close(over)
			r.recordRecovered(t.Context(), rec.Path, rec)
		}()
		for range 2 { // it has given up once and waits again
			select {
			case <-clock.waits:
			case <-over:
			}
		}
		growing := rec
		growing.State, growing.Events = media.StateRecording, []media.Event{ev}
		return r.catalogue.Put(ctx, growing)
	}))
	<-over
	now, err := r.catalogue.Record(t.Context(), rec.ID)
	require.NoError(t, err)
	require.Equal(t, media.StateRecovered, now.State)
	require.Equal(t, []media.Event{ev}, now.Events)
}

// TestAChangeDuringAnAdoptionIsRefused checks that recordings of an abandoned recorder are not
// deleted while their rows get this recorder's name, as during any change by a comparison.
func TestAChangeDuringAnAdoptionIsRefused(t *testing.T) {
	r, rec := compareFixture(t)
	require.NoError(t, r.catalogue.Put(t.Context(), rec.Recording)) // the row agrees with the file
	require.NoError(t, r.catalogue.Flush(t.Context()))
	require.NoError(t, r.catalogue.Close(t.Context()))
	env := pipelinetest.Env()
	next, err := metadata.Open(t.Context(), metadata.OpenOptions{
		Driver: "sqlite", DSN: filepath.Join(r.dir, "spool.db"), JournalDir: t.TempDir(),
		Node: "next", TakeOver: []string{"test"}, Log: env.Log, Clock: env.Clock, Tasks: r.tasks,
	})
	require.NoError(t, err)
	require.NoError(t, next.Ready(t.Context()))
	r.catalogue, r.footage = next, newFootage(next, r.dir, impatient{pipeline.SystemClock}, newMistaken(), func(string) {})
	refused := 0
	found := r.compare(nothing, func(id media.ID) {
		refused++
		var busy *footage.BusyError
		require.Equal(t, rec.ID, id)
		require.ErrorAs(t, r.footage.Delete(t.Context(), id), &busy)
		require.ErrorIs(t, r.footage.Evict(t.Context(), media.DeletedFile{ID: id, Path: rec.Path}, false), footage.ErrKept)
	})
	require.Equal(t, 2, refused)
	require.Equal(t, metadata.Report{Files: 1, Adopted: 1}, found.Report)
	require.NoError(t, r.footage.Delete(t.Context(), rec.ID), "it is this one's, and free")
}
