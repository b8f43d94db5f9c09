package metadata

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/journal"
)

func TestForgettingKeepsProtectedRowsAndRowsOfOtherFiles(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		recs := []media.Recording{sample(0, "live/a"), sample(1, "live/a"), sample(2, "live/a"), sample(3, "live/a")}
		put(t, c, recs...)
		_, err := c.SetProtected(t.Context(), recs[1].ID, true)
		require.NoError(t, err)
		require.NoError(t, c.Flush(t.Context()))
		require.NoError(t, c.Forget(t.Context(), []media.DeletedFile{
			{ID: recs[0].ID, Path: recs[0].Path}, {ID: recs[1].ID, Path: recs[1].Path}, {ID: recs[2].ID, Path: "copy/of.mp4"}, {ID: testID(99), Path: "never/there.mp4"},
		}))
		left := map[media.ID]bool{}
		for _, r := range all(t, c, media.Query{}) {
			left[r.ID] = true
		}
		require.Equal(t, map[media.ID]bool{recs[1].ID: true, recs[2].ID: true, recs[3].ID: true}, left)
	})
}

// Retention may delete a file before its recorder has stored that it is finished.
func TestForgettingAFileWhoseRowSaysThatItGrows(t *testing.T) {
	c := open(t, "sqlite", servers.Fresh(t, "sqlite"))
	rec := sample(0, "live/a")
	final := rec.Path
	rec.Path, rec.State = final+".part", media.StateRecording
	put(t, c, rec)
	require.NoError(t, c.Forget(t.Context(), []media.DeletedFile{{ID: rec.ID, Path: final}}))
	require.NoError(t, c.Flush(t.Context()))
	require.Empty(t, all(t, c, media.Query{}))
}

// The deletions reach the database after an outage, even from another process.
func TestForgettingDoesNotWaitForTheDatabase(t *testing.T) {
	dsn := filepath.Join(t.TempDir(), "spool.db")
	o := OpenOptions{Driver: "sqlite", DSN: dsn, JournalDir: t.TempDir()}
	c := openWith(t, o)
	ready(t, c.Catalogue)
	recs := []media.Recording{sample(0, "live/a"), sample(1, "live/a"), sample(2, "live/a")}
	put(t, c, recs...)
	require.NoError(t, c.Flush(t.Context()))
	c.close()

	require.NoError(t, os.Rename(dsn, dsn+".away"))
	require.NoError(t, os.Mkdir(dsn, 0o755))
	c = openWith(t, o)
	require.NoError(t, c.Forget(t.Context(), []media.DeletedFile{{ID: recs[0].ID, Path: recs[0].Path}, {ID: recs[2].ID, Path: recs[2].Path}}))
	c.close()

	require.NoError(t, os.Remove(dsn))
	require.NoError(t, os.Rename(dsn+".away", dsn))
	c = openWith(t, o)
	ready(t, c.Catalogue)
	left := all(t, c, media.Query{})
	require.Len(t, left, 1)
	require.Equal(t, recs[1].ID, left[0].ID)
}

// A batch is one write of the journal, so that deletion keeps up with recording.
func TestForgettingManyIsOneWriteOfTheJournal(t *testing.T) {
	o := OpenOptions{Driver: "sqlite", DSN: filepath.Join(t.TempDir(), "spool.db")}
	c := openWith(t, o)
	ready(t, c.Catalogue)
	var gone []media.DeletedFile
	for n := range 200 {
		rec := sample(n, "live/a")
		put(t, c, rec)
		gone = append(gone, media.DeletedFile{ID: rec.ID, Path: rec.Path})
	}
	writes := 0
	c.journal.DeliverTo(func(ops []journal.Change) { writes++; c.pending.add(ops); c.kick() })
	require.NoError(t, c.Forget(t.Context(), gone))
	require.Equal(t, 1, writes)
	require.NoError(t, c.Flush(context.Background()))
	require.Empty(t, all(t, c, media.Query{}))
}

// TestALostRowWhoseFileIsBackStays checks that Upkeep keeps a lost row when the file has come back
// since it read the row, and when the recording is being changed.
func TestALostRowWhoseFileIsBackStays(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		recs := []media.Recording{sample(1, "live/a"), sample(2, "live/a"), sample(3, "live/a")}
		for _, rec := range recs {
			rec.State = media.StateLost
			put(t, c, rec)
		}
		ready(t, c.Catalogue)
		by := func(ctx context.Context, all []media.ID, do func(context.Context, []media.ID) error) error {
			if len(all) == 0 { // there are no remote recordings
				return nil
			}
			require.Equal(t, ids(recs), all)
			put(t, c, recs[0])
			return do(ctx, all[:2])
		}
		_, err := c.Upkeep(t.Context(), UpkeepOptions{KeepLost: time.Nanosecond, AloneWith: by})
		require.NoError(t, err)
		require.Equal(t, media.StateFinished, stateOf(t, c, recs[0].ID))
		require.Equal(t, media.StateLost, stateOf(t, c, recs[2].ID))
		require.Len(t, all(t, c, media.Query{}), 2)
	})
}
