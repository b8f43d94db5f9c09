package metadata

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/journal"
	"github.com/gospool/spool/sinks/metadata/row"
)

// unwanted are the locations that are to be deleted by whoever has the place.
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

// orphans are the locations of recordings without a row that are not unwanted.
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

// TestARecordingWhoseFileIsLostIsRemoteWhileAnotherPlaceHasIt: a comparison with the disk
// and the upkeep of lost rows leave it, its events keep it, and the file may come back.
func TestARecordingWhoseFileIsLostIsRemoteWhileAnotherPlaceHasIt(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c, d := open(t, driver, dsn), disk{t, t.TempDir()}
		rec, part, plain := sample(1, "live/a"), sample(2, "live/a"), sample(3, "live/a")
		rec.Size = 4000
		rec.Events = []media.Event{eventNo(1, time.Minute)}
		put(t, c, rec, part, plain)
		ready(t, c.Catalogue)
		archived := inBucket(t, c, rec)
		inBucket(t, c, part)
		c.exec(t, "UPDATE spool_locations SET state = 'recording' WHERE bucket = 'archive' AND recording_id = '"+part.ID.String()+"'")

		require.Equal(t, 3, d.reconcile(c).Lost)
		require.Equal(t, media.StateRemote, stateOf(t, c, rec.ID))
		require.Equal(t, media.StateLost, stateOf(t, c, part.ID), "what is elsewhere is not whole")
		require.Equal(t, media.StateLost, stateOf(t, c, plain.ID))
		own := media.Location{Node: "node1", Path: rec.Path, Size: rec.Size, State: media.StateLost}
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

// TestAnEvictedRecordingStaysInTheCatalogueWhileAnotherPlaceHasIt.
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
		own := media.Location{Node: "node1", Path: rec.Path, Size: rec.Size, State: media.StateLost}
		require.Equal(t, []media.Location{own, archived}, left[0].Locations)
		gone.State = media.StateUnwanted
		require.Equal(t, []media.Location{gone}, unwanted(t, c))
		require.Zero(t, orphans(t, c))

		_, err = c.Delete(t.Context(), rec.ID)
		require.NoError(t, err, "on request it goes all the same")
		ready(t, c.Catalogue)
		require.Empty(t, all(t, c, media.Query{}))
		require.Len(t, unwanted(t, c), 2)
		require.Zero(t, orphans(t, c))
	})
}

// TestWhatADeletedRecordingHasElsewhereIsUnwantedAndNotForgotten.
func TestWhatADeletedRecordingHasElsewhereIsUnwantedAndNotForgotten(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		rec := sample(1, "live/a")
		put(t, c, rec)
		ready(t, c.Catalogue)
		archived := inBucket(t, c, rec)
		for _, l := range []location{
			{Node: "node2", Path: "copy.mp4", Size: rec.Size, State: "finished"}, {Bucket: "gone", Path: "k", State: "lost"},
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
		copied := media.Location{Node: "node2", Path: "copy.mp4", Size: rec.Size, State: media.StateUnwanted}
		require.ElementsMatch(t, []media.Location{archived, copied}, unwanted(t, c), "where nothing was there is nothing to delete")
		require.Zero(t, orphans(t, c))

		put(t, c, rec) // its file is here again, as from a backup
		ready(t, c.Catalogue)
		got, err := c.Record(t.Context(), rec.ID)
		require.NoError(t, err)
		require.Len(t, got.Locations, 1, "what is to be deleted is no place to look at")
	})
}

// TestADeletionOnRequestCountsInABatchWithAnEviction, whichever came first.
func TestADeletionOnRequestCountsInABatchWithAnEviction(t *testing.T) {
	asked, evicted := &row.Row{ID: "a"}, &row.Row{ID: "a", Evicted: true}
	for _, rows := range [][]*row.Row{{asked, evicted}, {evicted, asked}} {
		b := fold([]journal.Change{{Revision: 1, Kind: journal.Delete, Row: rows[0]}, {Revision: 2, Kind: journal.Delete, Row: rows[1]}})
		require.Len(t, b.deletes, 1)
		require.Same(t, asked, b.deletes[0].Row)
	}
}
