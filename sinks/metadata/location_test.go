package metadata

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline/media"
)

// storedLocations returns the rows of spool_locations that are not unwanted, in the order of a page.
func storedLocations(t *testing.T, c opened, ids ...media.ID) (out []media.Location) {
	t.Helper()
	text := make([]string, len(ids))
	for i, id := range ids {
		text[i] = id.String()
	}
	rows, err := c.store.Load().locations(t.Context(), text)
	require.NoError(t, err)
	for i := range rows {
		out = append(out, rows[i].value())
	}
	return out
}

func inBucket(t *testing.T, c opened, rec media.Recording) media.Location {
	t.Helper()
	l := location{Recording: rec.ID.String(), Bucket: "archive", Path: "2026/" + rec.Path, SizeBytes: rec.SizeBytes, Checksum: "sha256:00", State: "finished"}
	_, err := c.store.Load().RW.NewInsert().Model(&l).Exec(t.Context())
	require.NoError(t, err)
	return l.value()
}

// TestALocationFollowsItsRow checks that each change of a row changes its location in the same
// transaction.
func TestALocationFollowsItsRow(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		ready(t, c.Catalogue)
		rec, other, third := sample(1, "live/a"), sample(2, "live/a"), sample(3, "live/b")
		own := func(r media.Recording) media.Location {
			return media.Location{Node: "node1", Path: r.Path, SizeBytes: r.SizeBytes, State: r.State}
		}
		growing := rec
		growing.State, growing.EndUTC, growing.EndReason, growing.SizeBytes, growing.Path = media.StateRecording, 0, "", 5, rec.Path+media.PartSuffix
		put(t, c, growing, other, third)
		ready(t, c.Catalogue)
		require.Equal(t, []media.Location{own(growing)}, storedLocations(t, c, rec.ID))
		put(t, c, rec)
		ready(t, c.Catalogue)
		require.Equal(t, []media.Location{own(rec)}, storedLocations(t, c, rec.ID))

		archived := inBucket(t, c, rec)
		page := records(t, c, media.Query{Stream: "live/a"})
		require.Len(t, page.Records, 2, "each once")
		require.Equal(t, []media.Location{own(other)}, page.Records[0].Locations)
		require.Equal(t, []media.Location{own(rec), archived}, page.Records[1].Locations)
		one, err := c.Record(t.Context(), rec.ID)
		require.NoError(t, err)
		require.Equal(t, []media.Location{own(rec), archived}, one.Locations)

		lost := rec
		lost.State = media.StateLost
		put(t, c, lost)
		ready(t, c.Catalogue)
		require.ElementsMatch(t, []media.Location{own(lost), archived}, storedLocations(t, c, rec.ID), "the other place is not lost")

		_, err = c.Delete(t.Context(), other.ID)
		require.NoError(t, err)
		require.NoError(t, c.Forget(t.Context(), []media.DeletedFile{{ID: third.ID, Path: third.Path}}))
		ready(t, c.Catalogue)
		require.Empty(t, storedLocations(t, c, other.ID, third.ID))
	})
}

// TestATakenOverRecordingLiesOnTheNewRecordersDisk checks that its other places stay.
func TestATakenOverRecordingLiesOnTheNewRecordersDisk(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		d, rec := disk{t, t.TempDir()}, sample(1, "live/a")
		rec.SizeBytes = 4000
		d.write(rec)
		c := named(t, driver, dsn, OpenOptions{Node: "old"})
		put(t, c, rec)
		ready(t, c.Catalogue)
		archived := inBucket(t, c, rec)
		c.close()
		c = named(t, driver, dsn, OpenOptions{Node: "new", TakeOver: []string{"old"}})
		ready(t, c.Catalogue)
		require.Equal(t, 1, d.reconcile(c).Adopted)
		require.ElementsMatch(t, []media.Location{{Node: "new", Path: rec.Path, SizeBytes: rec.SizeBytes, State: rec.State}, archived},
			storedLocations(t, c, rec.ID))
	})
}

// TestRowsOfBeforeGetTheirLocations in batches, and answer queries before they have them.
func TestRowsOfBeforeGetTheirLocations(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		ready(t, c.Catalogue)
		n := upkeepBatch + 3
		recs, ids := make([]media.Recording, n), make([]media.ID, n)
		for i := range recs {
			recs[i] = sample(i, "live/a")
			ids[i] = recs[i].ID
		}
		put(t, c, recs...)
		ready(t, c.Catalogue)
		exec := func(sql string) {
			_, err := c.store.Load().RW.ExecContext(t.Context(), sql)
			require.NoError(t, err)
		}
		exec("DELETE FROM spool_locations")
		exec("DELETE FROM spool_upkeep")
		one, err := c.Record(t.Context(), ids[0])
		require.NoError(t, err)
		require.Equal(t, []media.Location{{Node: "node1", Path: recs[0].Path, SizeBytes: recs[0].SizeBytes, State: recs[0].State}}, one.Locations)

		stop := errors.New("stopped behind a batch")
		first := true
		err = c.finishTask(t.Context(), locating, func(ctx context.Context, s *store, tx bun.Tx, at string) (string, int64, error) {
			if !first {
				return "", 0, stop
			}
			first = false
			return s.locateBatch(ctx, tx, at)
		})
		require.Error(t, err)
		ready(t, c.Catalogue)
		require.Len(t, storedLocations(t, c, ids...), upkeepBatch, "one batch, and no more at once")
		archived := inBucket(t, c, recs[n-1])
		for range 2 {
			_, err = c.Upkeep(t.Context(), UpkeepOptions{})
			require.NoError(t, err)
		}
		require.Len(t, storedLocations(t, c, ids...), n+1)
		require.Contains(t, storedLocations(t, c, ids[n-1]), archived)
	})
}

// TestATableOfLocationsThatWasGoneIsFilledAgain from the rows: a comparison with the disk does not
// write unchanged rows again.
func TestATableOfLocationsThatWasGoneIsFilledAgain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		o := OpenOptions{Driver: driver, DSN: dsn, JournalDir: t.TempDir()}
		c, rec := openWith(t, o), sample(1, "live/a")
		put(t, c, rec)
		ready(t, c.Catalogue)
		_, err := c.Upkeep(t.Context(), UpkeepOptions{})
		require.NoError(t, err)
		c.exec(t, "DROP TABLE spool_locations")
		c.close()
		c = openWith(t, o)
		ready(t, c.Catalogue)
		require.Empty(t, storedLocations(t, c, rec.ID))
		_, err = c.Upkeep(t.Context(), UpkeepOptions{})
		require.NoError(t, err)
		require.Len(t, storedLocations(t, c, rec.ID), 1)
	})
}

// TestALocationHasTheDirectoryThatItsRecorderClaims also when the row is older than the claim, or
// than the directory.
func TestALocationHasTheDirectoryThatItsRecorderClaims(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c, rec := open(t, driver, dsn), sample(1, "live/a")
		put(t, c, rec)
		ready(t, c.Catalogue)
		archived := inBucket(t, c, rec)
		shown := func() []media.Location {
			got, err := c.Record(t.Context(), rec.ID)
			require.NoError(t, err)
			require.Equal(t, got.Locations, records(t, c, media.Query{}).Records[0].Locations)
			return got.Locations
		}
		own := media.Location{Node: "node1", Path: rec.Path, SizeBytes: rec.SizeBytes, State: rec.State}
		require.Equal(t, []media.Location{own, archived}, shown(), "before it has claimed one")
		require.NoError(t, c.ClaimDirectory(t.Context(), (&mount{disk1, ""}).read, false))
		own.Directory = disk1
		require.Equal(t, []media.Location{own, archived}, shown())
		require.NoError(t, c.ClaimDirectory(t.Context(), (&mount{disk2, ""}).read, true))
		own.Directory = disk2
		require.Equal(t, []media.Location{own, archived}, shown(), "another one took its place")
	})
}

// TestALocationTableOfBeforeLosesItsDirectories checks that it loses no other column.
func TestALocationTableOfBeforeLosesItsDirectories(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		o := OpenOptions{Driver: driver, DSN: dsn, JournalDir: t.TempDir()}
		c, rec := openWith(t, o), sample(1, "live/a")
		put(t, c, rec)
		ready(t, c.Catalogue)
		archived := inBucket(t, c, rec)
		c.exec(t, "ALTER TABLE spool_locations ADD COLUMN directory varchar(36) NOT NULL DEFAULT 'old'")
		c.exec(t, "DELETE FROM spool_migrations WHERE name = '20261127200001'")
		c.close()
		c = openWith(t, o)
		ready(t, c.Catalogue)
		own := media.Location{Node: "node1", Path: rec.Path, SizeBytes: rec.SizeBytes, State: rec.State}
		require.ElementsMatch(t, []media.Location{own, archived}, storedLocations(t, c, rec.ID))
		put(t, c, sample(2, "live/a"))
		ready(t, c.Catalogue)
	})
}
