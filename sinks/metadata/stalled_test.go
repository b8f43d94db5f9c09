package metadata

import (
	"database/sql"
	"encoding/binary"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/dbtest"
	"github.com/gospool/spool/sinks/metadata/journal"
)

// TestADatabaseThatTakesNoRowsStillAnswersQueries makes a database read-only, or its disk full: stored
// recordings are listed and can be deleted, new ones wait, and all of them arrive in the end.
func TestADatabaseThatTakesNoRowsStillAnswersQueries(t *testing.T) {
	t.Parallel()
	admin := func(t *testing.T, s *dbtest.Server, driver string) func(...string) {
		db, err := sql.Open(driver, s.DSN)
		require.NoError(t, err)
		conn, err := db.Conn(t.Context())
		require.NoError(t, err)
		t.Cleanup(func() { _, _ = conn.Close(), db.Close() })
		return func(statements ...string) {
			for _, text := range statements {
				_, err := conn.ExecContext(t.Context(), text)
				require.NoError(t, err)
			}
		}
	}
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		s := dbtest.StartPostgres(t)
		do := admin(t, s, "pgx")
		stalled(t, OpenOptions{Driver: s.Driver, DSN: s.DSN},
			func() {
				do("SET default_transaction_read_only = off", "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
			},
			func() { do("ALTER SYSTEM RESET default_transaction_read_only", "SELECT pg_reload_conf()") })
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		s := dbtest.StartMariaDB(t)
		do := admin(t, s, "mysql")
		stalled(t, OpenOptions{Driver: s.Driver, DSN: s.DSN, ApplyTimeout: time.Second},
			func() { do("FLUSH TABLES WITH READ LOCK") }, func() { do("UNLOCK TABLES") })
	})
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		disk := t.TempDir()
		dbtest.Mount(t, disk, "16m")
		filler := filepath.Join(disk, "filler")
		stalled(t, OpenOptions{Driver: "sqlite", DSN: filepath.Join(disk, "spool.db")},
			func() { dbtest.Fill(t, filler) }, func() { require.NoError(t, os.Remove(filler)) })
	})
}

func stalled(t *testing.T, o OpenOptions, away, back func()) {
	c := openWith(t, o)
	for n := range 300 { // more than fit into the space that a transaction has left
		put(t, c, sample(n, "live/a"))
	}
	ready(t, c.Catalogue)
	away()
	n := 300
	require.Eventually(t, func() bool {
		put(t, c, sample(n, "live/a"))
		n++
		return c.Stalled()
	}, 30*time.Second, 10*time.Millisecond, "it is noticed")
	s := c.Stats()
	require.False(t, s.Connected)
	require.NotEmpty(t, s.LastError)
	require.WithinDuration(t, time.Now(), s.DownSince, time.Minute)
	listed := all(t, c, media.Query{Limit: 1000})
	require.Len(t, listed, n)
	oldest := listed[n-1].ID
	_, err := c.Record(t.Context(), oldest)
	require.NoError(t, err, "which the database alone knows")
	_, err = c.Delete(t.Context(), oldest)
	require.NoError(t, err)
	_, err = c.Record(t.Context(), oldest)
	require.ErrorIs(t, err, ErrNotFound)
	require.Len(t, all(t, c, media.Query{Limit: 1000}), n-1)
	back()
	ready(t, c.Catalogue)
	require.Eventually(t, func() bool { return !c.Stalled() }, time.Minute, 5*time.Millisecond, "the last batch is noted after its rows are there")
	require.True(t, c.Stats().DownSince.IsZero())
	require.Len(t, all(t, c, media.Query{Limit: 1000}), n-1)
}

// A file of the journal reserves space ahead: rows are durable on a full disk.
func TestAFullDiskTakesRowsIntoTheJournal(t *testing.T) {
	t.Parallel()
	disk := t.TempDir()
	dbtest.Mount(t, disk, "3m")
	o := OpenOptions{Driver: "sqlite", DSN: filepath.Join(t.TempDir(), "spool.db"), JournalDir: filepath.Join(disk, "journal")}
	c := openWith(t, o)
	put(t, c, sample(0, "live/a"))
	filler := filepath.Join(disk, "filler")
	dbtest.Fill(t, filler)
	n := 1
	for c.Stats().JournalBytes < journal.RotateBytes+journal.SpareBytes/2 { // beyond the size at which a file normally ends
		put(t, c, sample(n, "live/a"))
		n++
	}
	require.Zero(t, c.Stats().JournalErrors)
	for c.Stats().JournalErrors == 0 { // in the end it accepts no row, and reports that
		_ = c.Put(t.Context(), sample(n, "live/a"))
		n++
	}
	require.NotEmpty(t, c.Stats().JournalError)
	require.False(t, c.Stats().JournalSince.IsZero())
	ready(t, c.Catalogue)
	require.NoError(t, os.Remove(filler))
	put(t, c, sample(n, "live/a"))
	require.Empty(t, c.Stats().JournalError)
	require.True(t, c.Stats().JournalSince.IsZero())
	ready(t, c.Catalogue)
	require.Len(t, all(t, c, media.Query{Limit: 1000}), n+1)
}

// The recorder itself moves the read mark after each commit: the first reader would have to write
// it to the database's shared memory, and would wait for a stopped disk.
func TestACommitMarksHowFarItMayBeRead(t *testing.T) {
	s, file := openedSQLite(t, "")
	shm, err := os.Open(file + "-shm")
	require.NoError(t, err)
	t.Cleanup(func() { _, _ = s.Close(), shm.Close() }) // in this order: closing shm releases SQLite's locks
	frames := func() (committed uint32, marked bool) {
		var header [120]byte // "WAL-Index File Format" of SQLite
		_, err := shm.ReadAt(header[:], 0)
		require.NoError(t, err)
		committed = binary.NativeEndian.Uint32(header[16:])
		for mark := 104; mark < 120; mark += 4 {
			marked = marked || binary.NativeEndian.Uint32(header[mark:]) == committed
		}
		return committed, marked
	}
	for n := range 5 {
		before, _ := frames()
		put := journal.Change{Kind: journal.Put, Revision: int64(n) + 1, Row: generated(t, n, 1000)}
		_, err := s.write(t.Context(), "a journal", []string{"node1"}, []journal.Change{put})
		require.NoError(t, err)
		after, marked := frames()
		require.Greater(t, after, before)
		require.True(t, marked, "%d frames", after)
	}
}
