package metadata

import (
	"database/sql"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/sinks/metadata/database"
)

// TestMigrationsGoOnAfterAnInterruptionAtAnyStatement interrupts a migration before each statement
// in turn, and migrates again.
func TestMigrationsGoOnAfterAnInterruptionAtAnyStatement(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		target, err := database.Parse(driver, dsn)
		require.NoError(t, err)
		s, err := target.Open(t.Context())
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		stopped := errors.New("stopped")
		places := 1 // behind the last version
		for _, v := range database.Versions {
			places += len(v.Statements(driver)) + 1 // the end of the version
		}
		for at := 1; ; at++ {
			dropAll(t, s)
			err := s.Migrate(t.Context(), func(n int) error {
				if n == at {
					return stopped
				}
				return nil
			})
			if err == nil {
				require.Equal(t, places, at, "every statement, and the end of each version, was stopped at")
				break
			}
			require.ErrorIs(t, err, stopped)
			require.NoError(t, s.Migrate(t.Context(), nil), "after a stop at %d", at)
			generate(t, &store{DB: s}, 10)
			var n int
			require.NoError(t, s.RO.NewRaw("SELECT COUNT(*) FROM spool_migrations").Scan(t.Context(), &n))
			require.Equal(t, len(database.Versions), n, "each version noted once")
		}
	})
}

// Each transaction waits for the disk, at the start of the first recording too.
func TestANewSQLiteDatabaseIsMadeInOneTransaction(t *testing.T) {
	target, err := database.Parse("sqlite", filepath.Join(t.TempDir(), "spool.db"))
	require.NoError(t, err)
	for _, transactions := range []int{1, 0} { // of the database when it is new, and when it is opened again
		s, err := target.Open(t.Context())
		require.NoError(t, err)
		require.Equal(t, transactions, committed(t, target.File+"-wal"))
		require.NoError(t, s.Close())
	}
}

// committed returns the number of transactions in a write-ahead log of SQLite: the frames of which each has the size of
// the database after a commit. See "WAL File Format" in SQLite's documentation.
func committed(t *testing.T, wal string) (n int) {
	t.Helper()
	const header, frameHeader, page = 32, 24, 4096
	log, err := os.ReadFile(wal)
	require.NoError(t, err)
	for at := header; at+frameHeader <= len(log); at += frameHeader + page {
		if binary.BigEndian.Uint32(log[at+4:]) != 0 {
			n++
		}
	}
	return n
}

func TestAnInterruptedFirstMigrationOfSQLiteLeavesNothing(t *testing.T) {
	file := filepath.Join(t.TempDir(), "spool.db")
	target, err := database.Parse("sqlite", file)
	require.NoError(t, err)
	db, err := sql.Open("sqlite", file)
	require.NoError(t, err)
	defer func() { require.NoError(t, db.Close()) }()
	_, err = db.ExecContext(t.Context(), "CREATE VIEW spool_events AS SELECT 1") // SQLite has no indexes of views
	require.NoError(t, err)
	_, err = target.Open(t.Context())
	require.Error(t, err)
	var tables int
	require.NoError(t, db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM sqlite_schema WHERE type = 'table'").Scan(&tables))
	require.Zero(t, tables)
	_, err = db.ExecContext(t.Context(), "DROP VIEW spool_events")
	require.NoError(t, err)
	s, err := target.Open(t.Context())
	require.NoError(t, err)
	require.NoError(t, s.Close())
}

func dropAll(t *testing.T, s *database.DB) {
	t.Helper()
	for _, table := range []string{"spool_recordings", "spool_streams", "spool_journals", "spool_events", "spool_directories", "spool_event_recordings", "spool_upkeep", "spool_claims", "spool_locations", "spool_migrations", "spool_migration_locks"} {
		_, err := s.RW.ExecContext(t.Context(), "DROP TABLE IF EXISTS "+table)
		require.NoError(t, err)
	}
}

func TestRecordersThatStartTogetherMigrateOnce(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		target, err := database.Parse(driver, dsn)
		require.NoError(t, err)
		stores := make([]*database.DB, 6)
		errs := make([]error, 6)
		var wg sync.WaitGroup
		for i := range stores {
			wg.Go(func() { stores[i], errs[i] = target.Open(t.Context()) })
		}
		wg.Wait()
		for i, s := range stores {
			require.NoError(t, errs[i])
			defer func() { require.NoError(t, s.Close()) }()
		}
		var n int
		require.NoError(t, stores[0].RO.NewRaw("SELECT COUNT(*) FROM spool_migrations").Scan(t.Context(), &n))
		require.Equal(t, len(database.Versions), n)
	})
}

// A table with one of spool's names that another program made is refused and stays unchanged.
func TestAForeignTableIsLeftAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		for _, table := range []string{"spool_recordings", "spool_streams", "spool_journals"} {
			c := open(t, driver, dsn)
			_, err := c.store.Load().RW.ExecContext(t.Context(), "ALTER TABLE "+table+" RENAME TO was_"+table)
			require.NoError(t, err)
			_, err = c.store.Load().RW.ExecContext(t.Context(), "CREATE TABLE "+table+" (song varchar(20) PRIMARY KEY)")
			require.NoError(t, err)
			target, err := database.Parse(driver, dsn)
			require.NoError(t, err)
			_, err = target.Open(t.Context())
			require.ErrorContains(t, err, "a table "+table+" that spool did not make")
			require.ErrorContains(t, err, "database.dsn")
			_, err = c.store.Load().RW.ExecContext(t.Context(), "DROP TABLE "+table)
			require.NoError(t, err)
			_, err = c.store.Load().RW.ExecContext(t.Context(), "ALTER TABLE was_"+table+" RENAME TO "+table)
			require.NoError(t, err)
			c.close()
		}
	})
}

func TestASchemaFromTheFutureIsLeftAlone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		target, err := database.Parse(driver, dsn)
		require.NoError(t, err)
		s, err := target.Open(t.Context())
		require.NoError(t, err)
		defer func() { require.NoError(t, s.Close()) }()
		_, err = s.RW.NewRaw("INSERT INTO spool_migrations (name, group_id) VALUES ('29990101000000', 9)").Exec(t.Context())
		require.NoError(t, err)
		_, err = target.Open(t.Context())
		require.ErrorContains(t, err, "update the program")
	})
}
