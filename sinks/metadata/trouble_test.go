package metadata

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/database"
)

// troubled waits until a catalogue reports the trouble of its database, and then for one more
// failed attempt.
func troubled(t *testing.T, c opened, advice string) Stats {
	t.Helper()
	var tries uint64
	require.Eventually(t, func() bool {
		s := c.Stats()
		if tries == 0 && strings.Contains(s.Advice, advice) {
			tries = s.Tries
		}
		return tries > 0 && s.Tries > tries
	}, patience, 10*time.Millisecond, "%q", advice)
	s := c.Stats()
	require.False(t, s.Connected)
	require.NotEmpty(t, s.LastError)
	require.False(t, s.DownSince.IsZero())
	require.Zero(t, s.Aside, "no row is at fault")
	return s
}

// TestRowsWaitForATableThatIsGone until it is restored, or created again by the next start.
func TestRowsWaitForATableThatIsGone(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		o := OpenOptions{Driver: driver, DSN: dsn, JournalDir: t.TempDir()}
		c := openWith(t, o)
		put(t, c, sample(0, "live/a"))
		ready(t, c.Catalogue)
		for n, table := range database.Tables[:5] { // every row with an event needs these
			c.exec(t, "ALTER TABLE "+table+" RENAME TO was_"+table)
			rec := sample(n+1, "live/a")
			rec.Events = []media.Event{anEvent(n, "live/a")}
			put(t, c, rec)
			s := troubled(t, c, "a table of the catalogue is missing")
			require.Contains(t, s.LastError, table)
			c.exec(t, "ALTER TABLE was_"+table+" RENAME TO "+table)
			ready(t, c.Catalogue)
			require.Len(t, stored(t, c), n+2, table)
			require.Eventually(t, func() bool { return c.Stats().LastError == "" }, patience, time.Millisecond)
		}
		for n, table := range database.Tables[:5] { // every row with an event needs these
			c.exec(t, "DROP TABLE "+table)
			rec := sample(100+n, "live/a")
			rec.Events = []media.Event{anEvent(n, "live/a")}
			put(t, c, rec)
			troubled(t, c, "a table of the catalogue is missing")
			c.close()
			c = openWith(t, o)
			ready(t, c.Catalogue)
			require.Contains(t, stored(t, c), rec.ID.String(), table)
		}
	})
}

// TestACatalogueThatIsEmptiedIsMadeAgain covers a database without its tables and a new server at
// the address.
func TestACatalogueThatIsEmptiedIsMadeAgain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		put(t, c, sample(0, "live/a"))
		ready(t, c.Catalogue)
		dropAll(t, c.store.Load().DB)
		rec := sample(1, "live/a")
		put(t, c, rec)
		ready(t, c.Catalogue)
		require.Equal(t, []string{rec.ID.String()}, stored(t, c))
		select {
		case <-c.Behind():
		case <-time.After(patience):
			require.Fail(t, "it is not told that rows are missing")
		}
	})
}

// TestABackupThatIsPutBackInSilenceIsNoticed: no statement fails, but the claim is missing.
func TestABackupThatIsPutBackInSilenceIsNoticed(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := named(t, driver, dsn, OpenOptions{Node: "node1", Place: machine(1)})
		put(t, c, sample(0, "live/a"))
		ready(t, c.Catalogue)
		for _, s := range []string{"DELETE FROM spool_recordings", "UPDATE spool_journals SET applied = 1", "DELETE FROM spool_claims"} {
			c.exec(t, s)
		}
		put(t, c, sample(1, "live/a"))
		ready(t, c.Catalogue)
		select {
		case <-c.Behind():
		case <-time.After(patience):
			require.Fail(t, "it is not told that rows are missing")
		}
		require.Len(t, stored(t, c), 1)
	})
}

// TestRowsWaitForARightThatIsRevoked uses an account that may not change the schema and that loses
// one privilege after the other.
func TestRowsWaitForARightThatIsRevoked(t *testing.T) {
	t.Parallel()
	for driver, guest := range map[string]struct {
		make   []string
		name   string
		rights string
	}{
		"postgres": {[]string{"DROP ROLE IF EXISTS guest", "CREATE ROLE guest LOGIN PASSWORD 'secret'"}, "guest", "SELECT, INSERT, UPDATE, DELETE"},
		"mysql":    {[]string{"CREATE OR REPLACE USER guest@'127.0.0.1' IDENTIFIED BY 'secret'"}, "guest@'127.0.0.1'", "SELECT, INSERT, UPDATE, DELETE"},
	} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			dsn := servers.Fresh(t, driver)
			open(t, driver, dsn).close() // it creates the tables
			admin := sqlDB(t, driver, strings.Replace(dsn, "spool:secret@tcp", "root@tcp", 1))
			run(t, admin, guest.make...)
			for _, table := range append([]string{"spool_migrations"}, database.Tables...) {
				run(t, admin, "GRANT "+guest.rights+" ON "+table+" TO "+guest.name)
			}
			if driver == "postgres" {
				t.Cleanup(func() { run(t, sqlDB(t, driver, dsn), "DROP OWNED BY guest", "DROP ROLE guest") })
			}
			c := open(t, driver, strings.Replace(dsn, "spool:secret", "guest:secret", 1))
			put(t, c, sample(0, "live/a"))
			ready(t, c.Catalogue)
			for n, right := range []string{"INSERT", "SELECT", "UPDATE"} {
				run(t, admin, "REVOKE "+right+" ON spool_recordings FROM "+guest.name)
				rec := sample(n+1, "live/a")
				put(t, c, rec)
				s := troubled(t, c, "its account may log in")
				require.Contains(t, s.LastError, "denied")
				got, err := c.Record(t.Context(), rec.ID)
				require.NoError(t, err)
				require.True(t, got.Pending)
				run(t, admin, "GRANT "+right+" ON spool_recordings TO "+guest.name)
				ready(t, c.Catalogue)
				require.Len(t, all(t, c, media.Query{}), n+2)
			}
			c.close()
		})
	}
}

// TestErrorsAreClassified without a server.
func TestErrorsAreClassified(t *testing.T) {
	pg := func(code string) error { return fmt.Errorf("apply: %w", &pgconn.PgError{Code: code}) }
	my := func(n uint16) error { return fmt.Errorf("apply: %w", &mysql.MySQLError{Number: n}) }
	for want, errs := range map[database.Trouble][]error{
		database.Away: {io.EOF, context.DeadlineExceeded, mysql.ErrInvalidConn, driver.ErrBadConn,
			pg("57P01"), pg("57P02"), pg("57P03"), pg("08006"), pg("53300"), pg("XX000"), my(1053), my(1927), my(1040), my(1223)},
		database.Busy:       {pg("40001"), pg("40P01"), my(1213), my(1205)},
		database.ReadOnly:   {pg("25006"), pgconn.ErrReadOnlyConnection, my(1290), my(1836), my(1792), my(3100)},
		database.NoRoom:     {pg("53100"), my(1114), my(1021)},
		database.WrongTable: {pg("42P01"), pg("42703"), pg("3F000"), my(1146), my(1054)},
		database.Forbidden:  {pg("42501"), pg("28P01"), pg("3D000"), my(1045), my(1142)},
		database.BadRow: {pg("22001"), pg("22021"), pg("22P05"), pg("22003"), pg("23514"), pg("23505"), pg("54000"), pg("P0001"),
			my(1406), my(1366), my(1264), my(4025), my(3819), my(1062), my(1644), my(1153), mysql.ErrPktTooLarge, database.ErrUnreadableRow},
	} {
		for _, err := range errs {
			require.Equal(t, want, database.TroubleOf(err), "%v", err)
			require.Equal(t, want, database.TroubleOf(errors.Join(errors.New("x"), err)), "%v", err)
		}
	}
}
