package metadata

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/dbtest"
)

// writeUntilKilled is the child of the test below: it puts growing and finished recordings in
// turn, and prints each one that the journal has accepted.
func writeUntilKilled(dir string) {
	log := slog.New(slog.DiscardHandler)
	c, err := Open(context.Background(), OpenOptions{
		Driver: os.Getenv("SPOOL_TEST_DRIVER"), DSN: os.Getenv("SPOOL_TEST_DSN"), JournalDir: dir, Node: "node1",
		Log: log, Tasks: pipeline.NewTasks(log, pipeline.SystemClock), BatchSize: 3,
	})
	if err != nil {
		fmt.Println("failed:", err)
		return
	}
	first, _ := strconv.Atoi(os.Getenv("SPOOL_TEST_FIRST"))
	for n := first; ; n++ {
		rec := sample(n, "live/a")
		rec.State = media.StateRecording
		if err = c.Put(context.Background(), rec); err == nil {
			fmt.Println(rec.ID, "recording")
			rec.State = media.StateFinished
			err = c.Put(context.Background(), rec)
		}
		if err != nil {
			fmt.Println("failed:", err)
			return
		}
		fmt.Println(rec.ID, "finished")
	}
}

// TestEveryJournalledRowArrivesOnceAfterKills kills a writer at random points, again and again,
// on one journal and database. In the end the database must hold every accepted recording once,
// and no newer state than that of its last Put.
func TestEveryJournalledRowArrivesOnceAfterKills(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		dir := t.TempDir()
		taken := map[string]string{}
		began := 0
		for range 12 {
			began += 100000
			killWriter(t, driver, dsn, dir, began, 1+rand.IntN(120), taken)
		}
		c := openWith(t, OpenOptions{Driver: driver, DSN: dsn, JournalDir: dir})
		ready(t, c.Catalogue)
		got := map[string]string{}
		for _, r := range all(t, c, media.Query{Limit: 1000}) {
			require.NotContains(t, got, r.ID.String(), "each once")
			got[r.ID.String()] = string(r.State)
		}
		for id, state := range taken {
			require.Contains(t, got, id)
			if state == "finished" { // the writer may have been killed before it printed a later Put
				require.Equal(t, state, got[id])
			}
		}
		// One more for each kill: stored, but the writer was killed before it could print it.
		require.LessOrEqual(t, len(got), len(taken)+12)
	})
}

func killWriter(t *testing.T, driver, dsn, dir string, first, lines int, taken map[string]string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SPOOL_TEST_WRITER="+dir, "SPOOL_TEST_DRIVER="+driver, "SPOOL_TEST_DSN="+dsn, "SPOOL_TEST_FIRST="+strconv.Itoa(first))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	scan := bufio.NewScanner(out)
	for n := 0; scan.Scan(); n++ {
		if n == lines {
			require.NoError(t, cmd.Process.Kill())
		}
		id, state, ok := strings.Cut(scan.Text(), " ")
		if !ok {
			continue // the kill cut the line short
		}
		require.NotContains(t, id, "failed", scan.Text())
		if state == "finished" || state == "recording" {
			taken[id] = state
		}
	}
	_ = cmd.Wait()
}

func TestARestartAppliesNoChangeAgain(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		dir := t.TempDir()
		c := openWith(t, OpenOptions{Driver: driver, DSN: dsn, JournalDir: dir})
		for n := range 10 {
			put(t, c, sample(n, "live/a"))
		}
		ready(t, c.Catalogue)
		require.EqualValues(t, 10, c.Stats().Applied)
		c.close()
		c = openWith(t, OpenOptions{Driver: driver, DSN: dsn, JournalDir: dir})
		require.Equal(t, 10, len(records(t, c, media.Query{}).Records), "known at once, from the journal")
		ready(t, c.Catalogue)
		require.Zero(t, c.Stats().Applied)
		require.Len(t, all(t, c, media.Query{}), 10)
	})
}

// TestNothingIsHiddenWhileRowsArrive checks that a recording which leaves the pending changes is
// read from the database at once, while other changes still wait.
func TestNothingIsHiddenWhileRowsArrive(t *testing.T) {
	t.Parallel()
	o := OpenOptions{Driver: "postgres", DSN: servers.Fresh(t, "postgres"), JournalDir: t.TempDir()}
	c := openWith(t, o)
	for n := range 10 {
		put(t, c, sample(n, "live/a"))
	}
	ready(t, c.Catalogue)
	c.Catalogue.stop()
	put(t, c, sample(10, "live/a"))
	c.up.Store(false) // nothing is flushed
	c.close()
	tx, err := sqlDB(t, "postgres", o.DSN).BeginTx(t.Context(), nil)
	require.NoError(t, err)
	_, err = tx.ExecContext(t.Context(), "LOCK TABLE spool_recordings IN EXCLUSIVE MODE") // it does not block readers
	require.NoError(t, err)
	c = openWith(t, o)
	require.Eventually(t, func() bool { return c.Stats().Pending == 1 }, patience, time.Millisecond)
	page := records(t, c, media.Query{})
	require.Len(t, page.Records, 11)
	require.False(t, page.Degraded)
	require.NoError(t, tx.Rollback())
	ready(t, c.Catalogue)
	require.Len(t, records(t, c, media.Query{}).Records, 11)
}

func TestALostDatabaseGetsTheJournalsChanges(t *testing.T) {
	dir := t.TempDir()
	c := openWith(t, OpenOptions{Driver: "sqlite", DSN: dbtest.SQLite(t), JournalDir: dir})
	put(t, c, sample(1, "live/a"))
	ready(t, c.Catalogue)
	c.close()
	c = openWith(t, OpenOptions{Driver: "sqlite", DSN: filepath.Join(t.TempDir(), "other.db"), JournalDir: dir})
	ready(t, c.Catalogue)
	require.Len(t, all(t, c, media.Query{}), 1)
}

// A query while the catalogue closes returns ErrUnavailable, and the log does not blame the
// database.
func TestAQueryOfAClosedCatalogueBlamesNoDatabase(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := openWith(t, OpenOptions{Driver: driver, DSN: dsn})
		put(t, c, sample(1, "live/a"))
		ready(t, c.Catalogue)
		c.close()
		page, err := c.Records(t.Context(), media.Query{})
		require.NoError(t, err)
		require.True(t, page.Degraded)
		_, err = c.Record(t.Context(), media.ID{9})
		require.ErrorIs(t, err, ErrUnavailable)
		require.Empty(t, c.Stats().LastError)
	})
}
