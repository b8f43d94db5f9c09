package metadata

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// turnstile admits one change of a recording at a time.
type turnstile struct {
	t      *testing.T
	inside map[media.ID]bool
	before func(media.ID) // called once, when a comparison enters for a recording
	busy   map[media.ID]bool
	asked  []media.ID
}

func (s *turnstile) alone(ctx context.Context, id media.ID, do func(context.Context) error) error {
	s.asked = append(s.asked, id)
	if before := s.before; before != nil {
		s.before = nil
		before(id)
	}
	if s.busy[id] {
		return ErrBusy
	}
	require.Empty(s.t, s.inside, "a change within a change would wait for itself")
	s.inside = map[media.ID]bool{id: true}
	defer func() { s.inside = nil }()
	return do(ctx)
}

// raced opens a catalogue with one recording that differs from the disk.
func raced(t *testing.T, driver, dsn string) (opened, disk, *turnstile) {
	return open(t, driver, dsn), disk{t, t.TempDir()}, &turnstile{t: t}
}

func (d disk) remove(rec media.Recording) {
	require.NoError(d.t, os.Remove(filepath.Join(d.dir, filepath.FromSlash(rec.Path))))
}

// TestAChangeJustBeforeThatOfAComparisonStays checks that a change which other code makes after the
// comparison has read the row and the file is kept: the comparison reads both again once it has
// excluded other changes.
func TestAChangeJustBeforeThatOfAComparisonStays(t *testing.T) {
	ev := media.Event{ID: media.ID{7}, AtUTC: 1, StartUTC: 1, EndUTC: 2}
	// mark is an event that the row has room for and the file does not.
	mark := func(c opened, rec media.Recording) {
		now, err := c.Record(t.Context(), rec.ID)
		require.NoError(t, err)
		now.Events = append(now.Events, ev)
		put(t, c, now.Recording)
	}
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c, d, s := raced(t, driver, dsn)
		stale := func(n int) (row, file media.Recording) {
			rec := sample(n, "live/a")
			put(t, c, rec)
			file = rec
			file.SizeBytes++
			d.write(file)
			return rec, file
		}
		compare := func(before func(media.ID)) Report {
			ready(t, c.Catalogue)
			s.before = before
			r, err := c.Reconcile(t.Context(), Comparison{Dir: d.dir, ReadEntry: d.readEntry, Alone: s.alone})
			require.NoError(t, err)
			require.Nil(t, s.before, "it asked")
			ready(t, c.Catalogue)
			return r
		}
		left := func(id media.ID) media.Record {
			r, err := c.Record(t.Context(), id)
			require.NoError(t, err)
			return r
		}

		t.Run("an event of a row that is updated", func(t *testing.T) {
			rec, file := stale(1)
			r := compare(func(media.ID) { mark(c, rec) })
			require.Equal(t, 1, r.Updated)
			require.Equal(t, file.SizeBytes, left(rec.ID).SizeBytes)
			require.Equal(t, []media.Event{ev}, left(rec.ID).Events)
		})
		t.Run("an event of a row that would be lost", func(t *testing.T) { // its file came back, and got an event
			rec := sample(2, "live/a")
			put(t, c, rec)
			r := compare(func(media.ID) { d.write(rec); mark(c, rec) })
			require.Zero(t, r.Lost)
			require.Equal(t, media.StateFinished, left(rec.ID).State)
			require.Equal(t, []media.Event{ev}, left(rec.ID).Events)
		})
		t.Run("an event of a file that is at another place", func(t *testing.T) {
			rec := sample(3, "live/a")
			put(t, c, rec)
			moved := rec
			moved.Path = "elsewhere/moved.mp4"
			d.write(moved)
			asked := 0
			r := compare(func(media.ID) { // before it is marked as lost; again when its file is found
				s.before = func(media.ID) { asked++; mark(c, rec) }
			})
			require.Equal(t, 1, r.Lost)
			require.Equal(t, 1, asked)
			require.Equal(t, moved.Path, left(rec.ID).Path)
			require.Equal(t, media.StateFinished, left(rec.ID).State)
			require.Equal(t, []media.Event{ev}, left(rec.ID).Events)
		})
		t.Run("an event of a file without a row", func(t *testing.T) {
			rec := sample(4, "live/a")
			d.write(rec)
			r := compare(func(media.ID) { rec.Events, rec.Protected = []media.Event{ev}, true; d.write(rec) })
			require.Equal(t, 1, r.Added)
			require.Equal(t, []media.Event{ev}, left(rec.ID).Events)
			require.True(t, left(rec.ID).Protected)
		})
		t.Run("a row that another gave a file", func(t *testing.T) {
			rec := sample(5, "live/a")
			d.write(rec)
			r := compare(func(media.ID) { rec.Events = []media.Event{ev}; put(t, c, rec) })
			require.Zero(t, r.Added+r.Updated)
			require.Equal(t, []media.Event{ev}, left(rec.ID).Events)
		})
		t.Run("protection of a row that is updated", func(t *testing.T) {
			rec, _ := stale(6)
			compare(func(media.ID) {
				_, err := c.SetProtected(t.Context(), rec.ID, true)
				require.NoError(t, err)
			})
			require.True(t, left(rec.ID).Protected)
		})
		t.Run("deletion", func(t *testing.T) {
			rec, file := stale(7)
			r := compare(func(media.ID) { d.remove(file); _, err := c.Delete(t.Context(), rec.ID); require.NoError(t, err) })
			require.Zero(t, r.Updated+r.Lost+r.Added+r.Foreign, "%+v", r)
			_, err := c.Record(t.Context(), rec.ID)
			require.ErrorIs(t, err, ErrNotFound)
		})
		t.Run("eviction, after which the row goes", func(t *testing.T) {
			rec, file := stale(8)
			r := compare(func(media.ID) { d.remove(file) })
			require.Zero(t, r.Updated+r.Foreign+r.Added, "%+v", r)
			require.NoError(t, c.Forget(t.Context(), []media.DeletedFile{{ID: rec.ID, Path: rec.Path}}))
			_, err := c.Record(t.Context(), rec.ID)
			require.ErrorIs(t, err, ErrNotFound)
		})
	})
}

// TestTheRowOfAnEvictedFileDoesNotComeBack: retention deletes the rows of many files at once,
// without excluding other changes. Here it does so after the comparison has read the row and before
// it changes it.
func TestTheRowOfAnEvictedFileDoesNotComeBack(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c, d, s := raced(t, driver, dsn)
		rec := sample(1, "live/a")
		put(t, c, rec)
		ready(t, c.Catalogue)
		forgot := false
		isLive := func(path string) bool {
			if s.inside[rec.ID] && !forgot {
				forgot = true
				require.NoError(t, c.Forget(t.Context(), []media.DeletedFile{{ID: rec.ID, Path: rec.Path}}))
				ready(t, c.Catalogue)
			}
			return false
		}
		r, err := c.Reconcile(t.Context(), Comparison{Dir: d.dir, ReadEntry: d.readEntry, IsLive: isLive, Alone: s.alone})
		require.NoError(t, err)
		require.True(t, forgot)
		require.Zero(t, r.Lost)
		require.Empty(t, all(t, c, media.Query{}))
	})
}

// TestARecordingThatStaysBusy is left unchanged, waited for once, and counted; the comparison goes
// on with the others.
func TestARecordingThatStaysBusy(t *testing.T) {
	c, d, s := raced(t, "sqlite", servers.Fresh(t, "sqlite"))
	var recs []media.Recording
	for n := range 4 {
		rec := sample(n, "live/a")
		if n != 3 { // which has no row
			put(t, c, rec)
		}
		if n != 2 { // which has no file
			rec.SizeBytes++
			d.write(rec)
		}
		recs = append(recs, rec)
	}
	ready(t, c.Catalogue)
	before := all(t, c, media.Query{})
	s.busy = map[media.ID]bool{recs[0].ID: true, recs[1].ID: true, recs[2].ID: true, recs[3].ID: true}
	compare := func() Report {
		s.asked = nil
		r, err := c.Reconcile(t.Context(), Comparison{Dir: d.dir, ReadEntry: d.readEntry, Alone: s.alone})
		require.NoError(t, err)
		return r
	}
	require.Equal(t, Report{Files: 3, Busy: 4}, compare())
	require.ElementsMatch(t, ids(recs), s.asked)
	require.Equal(t, before, all(t, c, media.Query{}))
	s.busy = map[media.ID]bool{recs[1].ID: true}
	require.Equal(t, Report{Files: 3, Added: 1, Updated: 1, Lost: 1, Busy: 1}, compare())
	s.busy = nil
	require.Equal(t, Report{Files: 3, Updated: 1}, compare())
	require.Equal(t, Report{Files: 3}, compare())
	require.Empty(t, s.asked, "what agrees is not asked for")
}

// TestAFullJournalIsWaitedForOutside checks that the comparison does not hold the recording while it
// waits, that it makes the change again, and that Ended is called once.
func TestAFullJournalIsWaitedForOutside(t *testing.T) {
	told := 0
	dsn, d := filepath.Join(t.TempDir(), "spool.db"), disk{t, t.TempDir()}
	earlier := openWith(t, OpenOptions{Driver: "sqlite", DSN: dsn})
	rec := sample(1, "live/a")
	growing := rec
	growing.State = media.StateRecording
	put(t, earlier, growing)
	ready(t, earlier.Catalogue)
	d.write(rec)
	gone := sample(2, "live/a")
	put(t, earlier, gone)
	ready(t, earlier.Catalogue)
	c := openWith(t, OpenOptions{Driver: "sqlite", DSN: dsn, Ended: func(context.Context, media.Recording) { told++ }})
	ready(t, c.Catalogue)
	tries := map[media.ID]int{}
	alone := func(ctx context.Context, id media.ID, do func(context.Context) error) error {
		if tries[id]++; tries[id] > 1 {
			return do(ctx)
		}
		room := c.opts.MaxJournalBytes
		c.opts.MaxJournalBytes = 0
		defer func() { c.opts.MaxJournalBytes = room }()
		err := do(ctx)
		require.ErrorIs(t, err, ErrJournalFull, "it does not wait here")
		return err
	}
	r, err := c.Reconcile(t.Context(), Comparison{Dir: d.dir, ReadEntry: d.readEntry, Alone: alone})
	require.NoError(t, err)
	require.Equal(t, Report{Files: 1, Updated: 1, Lost: 1}, r)
	require.Equal(t, map[media.ID]int{rec.ID: 2, gone.ID: 2}, tries)
	require.EqualValues(t, 2, c.Stats().Full, "each was tried once while there was no room")
	require.Equal(t, 1, told)
}

func (s *turnstile) aloneWith(ctx context.Context, all []media.ID, do func(context.Context, []media.ID) error) error {
	s.asked = append(s.asked, all...)
	if before := s.before; before != nil {
		s.before = nil
		before(media.ID{})
	}
	s.inside = map[media.ID]bool{}
	defer func() { s.inside = nil }()
	var free []media.ID
	for _, id := range all {
		if !s.busy[id] {
			s.inside[id] = true
			free = append(free, id)
		}
	}
	return do(ctx, free)
}

// TestAdoptionReadsTheRowsAgain changes rows between the read and the adoption: one is deleted, one
// is finished by recovery, one becomes another recorder's. One stays busy, and is left to the
// next comparison.
func TestAdoptionReadsTheRowsAgain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		d, s := disk{t, t.TempDir()}, &turnstile{t: t}
		front := named(t, driver, dsn, OpenOptions{Node: "front"})
		plain, deleted, finished, others, busy := sample(1, "live/a"), sample(2, "live/a"), sample(3, "live/a"), sample(4, "live/a"), sample(5, "live/a")
		recs := []media.Recording{plain, deleted, finished, others, busy}
		for _, rec := range recs {
			rec.SizeBytes = 4000
			d.write(rec)
			if rec.ID == finished.ID {
				rec.State, rec.EndReason = media.StateRecording, ""
			}
			put(t, front, rec)
		}
		finished.SizeBytes, finished.State = 4000, media.StateRecovered
		ready(t, front.Catalogue)
		front.close()
		c := named(t, driver, dsn, OpenOptions{Node: "back", Former: []string{"front"}})
		s.busy = map[media.ID]bool{busy.ID: true}
		s.before = func(media.ID) {
			d.remove(deleted)
			require.NoError(t, c.Forget(t.Context(), []media.DeletedFile{{ID: deleted.ID, Path: deleted.Path}}))
			d.write(finished)
			put(t, c, finished)
			ready(t, c.Catalogue)
			c.exec(t, "UPDATE spool_recordings SET node = 'third' WHERE id = '"+others.ID.String()+"'")
		}
		compare := func() Report {
			s.asked = nil
			r, err := c.Reconcile(t.Context(), Comparison{Dir: d.dir, ReadEntry: d.readEntry, Alone: s.alone, AloneWith: s.aloneWith})
			require.NoError(t, err)
			ready(t, c.Catalogue)
			return r
		}
		require.Equal(t, Report{Files: 5, Adopted: 1, Others: 1, Busy: 1}, compare())
		require.Equal(t, append(ids(recs), busy.ID), s.asked[:6], "all at once, and the busy one by itself")
		require.Equal(t, map[media.ID]string{plain.ID: "back", finished.ID: "back", others.ID: "third", busy.ID: "front"}, nodes(t, c))
		require.Equal(t, media.StateRecovered, stateOf(t, c, finished.ID))
		s.busy = nil
		require.Equal(t, Report{Files: 4, Adopted: 1, Others: 1}, compare())
		require.Equal(t, "back", nodes(t, c)[busy.ID])
	})
}

// TestRowsAreAdoptedOneByOneWhereOneCanBeHadAlone covers a Comparison with Alone and no AloneWith.
func TestRowsAreAdoptedOneByOneWhereOneCanBeHadAlone(t *testing.T) {
	d, s, dsn := disk{t, t.TempDir()}, &turnstile{t: t}, servers.Fresh(t, "sqlite")
	front := named(t, "sqlite", dsn, OpenOptions{Node: "front"})
	recs := []media.Recording{sample(1, "live/a"), sample(2, "live/a"), sample(3, "live/a")}
	for i := range recs {
		recs[i].SizeBytes = 4000
		d.write(recs[i])
	}
	put(t, front, recs...)
	ready(t, front.Catalogue)
	front.close()
	c := named(t, "sqlite", dsn, OpenOptions{Node: "back", TakeOver: []string{"front"}})
	s.busy = map[media.ID]bool{recs[1].ID: true}
	r, err := c.Reconcile(t.Context(), Comparison{Dir: d.dir, ReadEntry: d.readEntry, Alone: s.alone})
	require.NoError(t, err)
	require.Equal(t, Report{Files: 3, Adopted: 2, Busy: 1}, r)
	require.Equal(t, append(ids(recs), recs[1].ID), s.asked)
}
