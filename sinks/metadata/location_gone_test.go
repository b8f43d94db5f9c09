package metadata

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
)

// unwanted returns the locations whose owner has to delete the footage.
func unwanted(t *testing.T, c opened) (out []media.Location) {
	t.Helper()
	var rows []location
	err := c.store.Load().RW.NewSelect().Model(&rows).Where("state = 'unwanted'").OrderExpr("recording_id, bucket, node").Scan(t.Context())
	require.NoError(t, err)
	for i := range rows {
		out = append(out, rows[i].value())
	}
	return out
}

// orphans counts the locations of recordings without a row that are not unwanted.
func orphans(t *testing.T, c opened) (n int) {
	t.Helper()
	require.NoError(t, c.store.Load().RW.NewRaw("SELECT COUNT(*) FROM spool_locations WHERE state <> 'unwanted' "+
		"AND recording_id NOT IN (SELECT id FROM spool_recordings)").Scan(t.Context(), &n))
	return n
}

func stateOf(t *testing.T, c opened, id media.ID) media.State {
	t.Helper()
	rec, err := c.Record(t.Context(), id)
	require.NoError(t, err)
	return rec.State
}

// TestARecordingWhoseFileIsLostIsRemoteWhileAnotherPlaceHasIt checks that a comparison with the disk
// and the upkeep of lost rows keep the row, that its events keep it, and that the file may come back.
func TestARecordingWhoseFileIsLostIsRemoteWhileAnotherPlaceHasIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c, d := open(t, driver, dsn), disk{t, t.TempDir()}
		rec, part, plain := sample(1, "live/a"), sample(2, "live/a"), sample(3, "live/a")
		rec.SizeBytes = 4000
		rec.Events = []media.Event{eventNo(1, time.Minute)}
		put(t, c, rec, part, plain)
		ready(t, c.Catalogue)
		archived := inBucket(t, c, rec)
		inBucket(t, c, part)
		c.exec(t, "UPDATE spool_locations SET state = 'recording' WHERE bucket = 'archive' AND recording_id = '"+part.ID.String()+"'")

		require.Equal(t, 3, d.reconcile(c).Lost)
		require.Equal(t, media.StateRemote, stateOf(t, c, rec.ID))
		require.Equal(t, media.StateLost, stateOf(t, c, part.ID), "the other place does not hold it whole")
		require.Equal(t, media.StateLost, stateOf(t, c, plain.ID))
		own := media.Location{Node: "node1", Path: rec.Path, SizeBytes: rec.SizeBytes, State: media.StateLost}
		page := records(t, c, media.Query{State: media.StateRemote})
		require.Len(t, page.Records, 1)
		require.Equal(t, []media.Location{own, archived}, page.Records[0].Locations)
		require.Len(t, records(t, c, media.Query{State: media.StateLost}).Records, 2)
		events, err := c.Events(t.Context(), media.EventQuery{})
		require.NoError(t, err)
		require.Len(t, events.Events[0].Recordings, 1, "it has the event's footage")
		require.Zero(t, events.Events[0].GoneUTC)

		require.Zero(t, d.reconcile(c).Lost, "it is not lost again")
		kept, err := c.Upkeep(t.Context(), UpkeepOptions{KeepLost: time.Nanosecond})
		require.NoError(t, err)
		require.Equal(t, 2, kept.Lost)
		require.Equal(t, media.StateRemote, stateOf(t, c, rec.ID))
		require.Len(t, unwanted(t, c), 1, "of the row that went")
		require.Zero(t, orphans(t, c))

		d.write(rec)
		require.Equal(t, 1, d.reconcile(c).Updated)
		own.State = media.StateFinished
		require.ElementsMatch(t, []media.Location{own, archived}, storedLocations(t, c, rec.ID))
		require.Equal(t, media.StateFinished, stateOf(t, c, rec.ID))
	})
}

func TestAnEvictedRecordingStaysInTheCatalogueWhileAnotherPlaceHasIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		rec, part := sample(1, "live/a"), sample(2, "live/a")
		put(t, c, rec, part)
		ready(t, c.Catalogue)
		archived := inBucket(t, c, rec)
		gone := inBucket(t, c, part)
		c.exec(t, "UPDATE spool_locations SET state = 'recording' WHERE bucket = 'archive' AND recording_id = '"+part.ID.String()+"'")
		before, err := c.Record(t.Context(), rec.ID)
		require.NoError(t, err)
		require.NoError(t, c.Forget(t.Context(), []media.DeletedFile{{ID: rec.ID, Path: rec.Path}, {ID: part.ID, Path: part.Path}}))
		ready(t, c.Catalogue)

		left := records(t, c, media.Query{}).Records
		require.Len(t, left, 1)
		require.Equal(t, media.StateRemote, left[0].State)
		require.Greater(t, left[0].Revision, before.Revision)
		own := media.Location{Node: "node1", Path: rec.Path, SizeBytes: rec.SizeBytes, State: media.StateLost}
		require.Equal(t, []media.Location{own, archived}, left[0].Locations)
		gone.State = media.StateUnwanted
		require.Equal(t, []media.Location{gone}, unwanted(t, c))
		require.EqualValues(t, 1, c.Stats().Unwanted)
		require.Zero(t, orphans(t, c))

		_, err = c.Delete(t.Context(), rec.ID)
		require.NoError(t, err, "on request it goes all the same")
		ready(t, c.Catalogue)
		require.Empty(t, all(t, c, media.Query{}))
		require.Len(t, unwanted(t, c), 2)
		require.EqualValues(t, 2, c.Stats().Unwanted, "each once")
		require.Zero(t, orphans(t, c))
	})
}

func TestOtherPlacesOfADeletedRecordingBecomeUnwanted(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		rec := sample(1, "live/a")
		put(t, c, rec)
		ready(t, c.Catalogue)
		archived := inBucket(t, c, rec)
		for _, l := range []location{
			{Node: "node2", Path: "copy.mp4", SizeBytes: rec.SizeBytes, State: "finished"}, {Bucket: "gone", Path: "k", State: "lost"},
		} {
			l.Recording = rec.ID.String()
			_, err := c.store.Load().RW.NewInsert().Model(&l).Exec(t.Context())
			require.NoError(t, err)
		}
		_, err := c.Delete(t.Context(), rec.ID)
		require.NoError(t, err)
		ready(t, c.Catalogue)
		_, err = c.Record(t.Context(), rec.ID)
		require.ErrorIs(t, err, ErrNotFound)
		archived.State = media.StateUnwanted
		copied := media.Location{Node: "node2", Path: "copy.mp4", SizeBytes: rec.SizeBytes, State: media.StateUnwanted}
		require.ElementsMatch(t, []media.Location{archived, copied}, unwanted(t, c), "where nothing was there is nothing to delete")
		require.Zero(t, orphans(t, c))

		put(t, c, rec) // its file has come back, as from a backup
		ready(t, c.Catalogue)
		got, err := c.Record(t.Context(), rec.ID)
		require.NoError(t, err)
		require.Len(t, got.Locations, 1, "an unwanted location is not listed")
	})
}

// TestADeletionOnRequestCountsInABatchWithAnEviction covers both orders.
func TestADeletionOnRequestCountsInABatchWithAnEviction(t *testing.T) {
	asked, evicted := &row.Row{ID: "a"}, &row.Row{ID: "a", Evicted: true}
	for _, rows := range [][]*row.Row{{asked, evicted}, {evicted, asked}} {
		b := fold([]journal.Change{{Revision: 1, Kind: journal.Delete, Row: rows[0]}, {Revision: 2, Kind: journal.Delete, Row: rows[1]}})
		require.Len(t, b.deletes, 1)
		require.Same(t, asked, b.deletes[0].Row)
	}
}

// TestARemoteRecordingIsLostWhenNoPlaceHasItAnyMore covers the ways in which the last place can go.
// The recording's events are gone from then on, and its row is kept as long as other lost rows. An
// incomplete copy does not count.
func TestARemoteRecordingIsLostWhenNoPlaceHasItAnyMore(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		ways := map[string]string{ // statements that remove the place, by the recording
			"stays":        "UPDATE spool_locations SET path = 'moved' WHERE bucket <> '' AND recording_id = '%s'",
			"is gone":      "DELETE FROM spool_locations WHERE bucket <> '' AND recording_id = '%s'",
			"is lost":      "UPDATE spool_locations SET state = 'lost' WHERE bucket <> '' AND recording_id = '%s'",
			"is not whole": "UPDATE spool_locations SET state = 'recording' WHERE bucket <> '' AND recording_id = '%s'",
		}
		recs := map[string]media.Recording{}
		for way := range ways {
			rec := sample(len(recs), "live/a")
			rec.Events = []media.Event{eventNo(len(recs), 0)}
			recs[way] = rec
			put(t, c, rec)
			ready(t, c.Catalogue)
			inBucket(t, c, rec)
			_, err := c.SetProtected(t.Context(), rec.ID, len(recs) == 1)
			require.NoError(t, err)
			require.NoError(t, c.Forget(t.Context(), []media.DeletedFile{{ID: rec.ID, Path: rec.Path}}))
			lost := rec
			lost.State = media.StateLost
			put(t, c, lost) // the protected one, which Forget keeps
		}
		ready(t, c.Catalogue)
		before := map[string]media.Record{}
		for way, rec := range recs {
			r, err := c.Record(t.Context(), rec.ID)
			require.NoError(t, err)
			require.Equal(t, media.StateRemote, r.State, way)
			before[way] = r
			c.exec(t, fmt.Sprintf(ways[way], rec.ID))
		}
		keep := UpkeepOptions{KeepLost: time.Hour, KeepEvents: time.Hour}
		kept, err := c.Upkeep(t.Context(), keep)
		require.NoError(t, err)
		require.Equal(t, UpkeepReport{NewlyLost: 3}, kept)
		for way, rec := range recs {
			r, err := c.Record(t.Context(), rec.ID)
			require.NoError(t, err)
			page, err := c.Events(t.Context(), media.EventQuery{Key: rec.Events[0].Key})
			require.NoError(t, err)
			require.Len(t, page.Events, 1)
			if way == "stays" {
				before[way].Locations[1].Path = "moved"
				require.Equal(t, before[way], r)
				require.Len(t, page.Events[0].Recordings, 1)
				continue
			}
			require.Equal(t, media.StateLost, r.State, way)
			require.Greater(t, r.Revision, before[way].Revision, "from now on it is kept")
			want := before[way].Recording
			want.State = media.StateLost
			require.Equal(t, want, r.Recording, "nothing else of it changes")
			require.Empty(t, page.Events[0].Recordings, way)
			require.NotZero(t, page.Events[0].GoneUTC, way)
		}
		kept, err = c.Upkeep(t.Context(), keep)
		require.NoError(t, err)
		require.Zero(t, kept, "once")
	})
}

// TestARemoteRecordingThatChangesMeanwhileIsNotMarkedLost covers a recording that is being changed,
// one that was changed just before, and one that gets another place.
func TestARemoteRecordingThatChangesMeanwhileIsNotMarkedLost(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		busy, back, placed, deleted := sample(1, "live/a"), sample(2, "live/a"), sample(3, "live/a"), sample(4, "live/a")
		recs := []media.Recording{busy, back, placed, deleted}
		for _, rec := range recs {
			put(t, c, rec)
			ready(t, c.Catalogue)
			inBucket(t, c, rec)
			require.NoError(t, c.Forget(t.Context(), []media.DeletedFile{{ID: rec.ID, Path: rec.Path}}))
		}
		ready(t, c.Catalogue)
		c.exec(t, "DELETE FROM spool_locations WHERE bucket <> ''")
		by := func(ctx context.Context, all []media.ID, do func(context.Context, []media.ID) error) error {
			require.Equal(t, ids(recs), all)
			put(t, c, back)
			_, err := c.Delete(ctx, deleted.ID)
			require.NoError(t, err)
			inBucket(t, c, placed)
			return do(ctx, all[1:])
		}
		_, err := c.Upkeep(t.Context(), UpkeepOptions{AloneWith: by})
		require.NoError(t, err)
		require.Equal(t, media.StateRemote, stateOf(t, c, busy.ID))
		require.Equal(t, media.StateFinished, stateOf(t, c, back.ID))
		require.Equal(t, media.StateRemote, stateOf(t, c, placed.ID))
		_, err = c.Record(t.Context(), deleted.ID)
		require.ErrorIs(t, err, ErrNotFound)
		kept, err := c.Upkeep(t.Context(), UpkeepOptions{})
		require.NoError(t, err)
		require.Equal(t, 1, kept.NewlyLost)
		require.Equal(t, media.StateLost, stateOf(t, c, busy.ID))
	})
}

// TestManyRemoteRecordingsAreCheckedInBatches keeps some of them remote.
func TestManyRemoteRecordingsAreCheckedInBatches(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		generate(t, c.store.Load(), 2*upkeepBatch+3)
		c.exec(t, "UPDATE spool_recordings SET state = 'remote', node = 'node1'")
		c.exec(t, "INSERT INTO spool_locations (recording_id, node, bucket, path, size, checksum, state) "+
			"SELECT id, '', 'archive', 'k', 1, '', 'finished' FROM spool_recordings WHERE stream = (SELECT MIN(stream) FROM spool_recordings)")
		var stay int
		require.NoError(t, c.store.Load().RW.NewRaw("SELECT COUNT(*) FROM spool_locations").Scan(t.Context(), &stay))
		require.Positive(t, stay)
		kept, err := c.Upkeep(t.Context(), UpkeepOptions{})
		require.NoError(t, err)
		require.Equal(t, 2*upkeepBatch+3-stay, kept.NewlyLost)
		require.Positive(t, kept.NewlyLost)
		var remote int
		require.NoError(t, c.store.Load().RW.NewRaw("SELECT COUNT(*) FROM spool_recordings WHERE state = 'remote'").Scan(t.Context(), &remote))
		require.Equal(t, stay, remote)
	})
}

// TestOtherPlacesAreUnknownWhileTheDatabaseIsAway checks that Located is false for a recording
// from the journal: it may have other places that are not listed.
func TestOtherPlacesAreUnknownWhileTheDatabaseIsAway(t *testing.T) {
	dsn := filepath.Join(t.TempDir(), "spool.db")
	o := OpenOptions{Driver: "sqlite", DSN: dsn, JournalDir: t.TempDir()}
	c, rec, plain := openWith(t, o), sample(1, "live/a"), sample(2, "live/a")
	put(t, c, rec, plain)
	ready(t, c.Catalogue)
	inBucket(t, c, rec)
	elsewhere := func(id media.ID) [2]bool {
		r, err := c.Record(t.Context(), id)
		require.NoError(t, err)
		whole, sure := r.WholeElsewhere()
		for _, listed := range records(t, c, media.Query{}).Records {
			if listed.ID == id {
				w, s := listed.WholeElsewhere()
				require.Equal(t, [2]bool{whole, sure}, [2]bool{w, s})
			}
		}
		return [2]bool{whole, sure}
	}
	require.Equal(t, [2]bool{true, true}, elsewhere(rec.ID))
	require.Equal(t, [2]bool{false, true}, elsewhere(plain.ID))
	c.close()
	require.NoError(t, os.Rename(dsn, dsn+".away"))
	require.NoError(t, os.Mkdir(dsn, 0o755))
	c = openWith(t, o)
	put(t, c, rec, plain)
	require.Equal(t, [2]bool{false, false}, elsewhere(rec.ID))
	require.Equal(t, [2]bool{false, false}, elsewhere(plain.ID))
}
