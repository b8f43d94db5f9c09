package metadata

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/dbtest"
)

// TestAProtectionHoldsWhileTheDatabaseIsAway protects a growing recording, which its recorder then
// finishes without the protection.
func TestAProtectionHoldsWhileTheDatabaseIsAway(t *testing.T) {
	check := func(t *testing.T, o OpenOptions, back func()) {
		c := openWith(t, o)
		rec := sample(1, "live/a")
		growing := rec
		growing.State, growing.EndUTC, growing.EndReason = media.StateRecording, 0, ""
		put(t, c, growing)
		_, err := c.SetProtected(t.Context(), rec.ID, true)
		require.NoError(t, err)
		put(t, c, rec)
		protected := func() {
			t.Helper()
			got, err := c.Record(t.Context(), rec.ID)
			require.NoError(t, err)
			require.True(t, got.Protected)
			require.Equal(t, media.StateFinished, got.State)
			_, err = c.Delete(t.Context(), rec.ID)
			require.ErrorIs(t, err, ErrProtected)
			require.NoError(t, c.Forget(t.Context(), []media.DeletedFile{{ID: rec.ID, Path: rec.Path}}))
		}
		protected()
		c.close()
		c = openWith(t, o) // from the journal
		protected()
		back()
		ready(t, c.Catalogue)
		protected()
		put(t, c, rec) // again
		ready(t, c.Catalogue)
		protected()
		_, err = c.SetProtected(t.Context(), rec.ID, false)
		require.NoError(t, err)
		put(t, c, rec)
		_, err = c.Delete(t.Context(), rec.ID)
		require.NoError(t, err)
	}
	t.Run("sqlite", func(t *testing.T) {
		dsn := dbtest.SQLite(t)
		require.NoError(t, os.Mkdir(dsn, 0o750)) // a directory in the place of the file
		check(t, OpenOptions{Driver: "sqlite", DSN: dsn, JournalDir: t.TempDir()}, func() { require.NoError(t, os.Remove(dsn)) })
	})
	eachServer(t, func(t *testing.T, s *dbtest.Server) {
		s.Kill()
		check(t, OpenOptions{Driver: s.Driver, DSN: s.DSN, JournalDir: t.TempDir()}, s.Start)
	})
}
