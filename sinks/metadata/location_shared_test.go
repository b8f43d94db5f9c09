package metadata

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/uptrace/bun"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// TestTwoRecordersKeepRecordingsInSeveralPlacesEach runs two recorders on one database at the same
// time: each has copies of the other's recordings, both have some in one bucket, and both complete
// rows of an earlier version. No statement fails, and each recording has each place once.
func TestTwoRecordersKeepRecordingsInSeveralPlacesEach(t *testing.T) {
	const n = 30
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		nodes := []string{"one", "two"}
		var cs []opened
		for _, node := range nodes {
			cs = append(cs, openWith(t, OpenOptions{Driver: driver, DSN: dsn, Node: node, BatchSize: 7}))
			ready(t, cs[len(cs)-1].Catalogue)
		}
		cs[0].exec(t, "DELETE FROM spool_upkeep")
		var wg sync.WaitGroup
		errs := make(chan error, 100*n)
		for i, c := range cs {
			other := nodes[1-i]
			wg.Go(func() {
				for k := range n {
					rec := sample(1000*i+k, "live/"+nodes[i])
					errs <- c.Put(t.Context(), rec)
					rec.SizeBytes++
					errs <- c.Put(t.Context(), rec)
					errs <- c.Flush(t.Context())
					errs <- copies(t, c, rec, other)
					switch k % 3 {
					case 1:
						errs <- c.Forget(t.Context(), []media.DeletedFile{{ID: rec.ID, Path: rec.Path}})
					case 2:
						_, err := c.Delete(t.Context(), rec.ID)
						errs <- err
					}
				}
				errs <- c.Flush(t.Context())
			})
			wg.Go(func() {
				for range n / 10 {
					_, err := c.Upkeep(t.Context(), UpkeepOptions{})
					errs <- err
					_, err = c.Records(t.Context(), media.Query{})
					errs <- err
				}
			})
		}
		wg.Wait()
		close(errs)
		for err := range errs {
			require.NoError(t, err)
		}
		for _, c := range cs {
			require.Zero(t, c.Stats().Refused)
			require.Zero(t, c.Stats().Others)
		}
		require.Zero(t, orphans(t, cs[0]))
		require.Len(t, unwanted(t, cs[0]), 2*2*n/3)
		page := records(t, cs[0], media.Query{Limit: media.MaxLimit})
		require.Len(t, page.Records, 2*2*n/3)
		for _, r := range page.Records {
			require.Len(t, r.Locations, 3)
			require.Equal(t, r.Node, r.Locations[0].Node)
		}
	})
}

// copies adds locations of a recording in a bucket and on another recorder's disk, under a lock of
// the recording's row.
func copies(t *testing.T, c opened, rec media.Recording, node string) error {
	s := c.store.Load()
	return c.inTx(t.Context(), func(ctx context.Context, _ *store, tx bun.Tx) error {
		if err := s.lockRows(ctx, tx, []string{rec.ID.String()}); err != nil {
			return err
		}
		ls := []location{
			{Recording: rec.ID.String(), Bucket: "archive", Path: rec.Path, SizeBytes: rec.SizeBytes, State: "finished"},
			{Recording: rec.ID.String(), Node: node, Path: rec.Path, SizeBytes: rec.SizeBytes, State: "finished"},
		}
		_, err := tx.NewInsert().Model(&ls).Exec(ctx)
		return err
	})
}

// TestLocationsOfAPageAreOneIndexedQuery checks that the cost of a page does not grow
// with the table.
func TestLocationsOfAPageAreOneIndexedQuery(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		s := c.store.Load()
		generate(t, s, 20000)
		require.NoError(t, c.finishTask(t.Context(), locating, func(ctx context.Context, s *store, tx bun.Tx, at string) (string, int64, error) {
			return s.locateBatch(ctx, tx, at)
		}))
		c.exec(t, map[string]string{"sqlite": "ANALYZE", "postgres": "VACUUM ANALYZE spool_locations", "mysql": "ANALYZE TABLE spool_locations"}[driver])
		var asked questionsOfLocations
		s.RO.AddQueryHook(&asked)
		page := records(t, c, media.Query{Limit: 100})
		require.Len(t, page.Records, 100)
		for _, r := range page.Records {
			require.Equal(t, []media.Location{{Node: "node1", Path: r.Path, SizeBytes: r.SizeBytes, State: r.State}}, r.Locations)
		}
		require.Len(t, asked, 1, "a page, not a row")
		plan := planOf(t, s, asked[0])
		for line := range strings.Lines(plan) {
			whole := map[string]bool{
				"sqlite":   strings.Contains(line, "SCAN l"),
				"postgres": strings.Contains(line, "Seq Scan on spool_locations"),
				"mysql":    strings.Contains(line, "| l |") && (strings.Contains(line, "| ALL |") || strings.Contains(line, "| index |")),
			}[driver]
			require.False(t, whole, plan)
		}
	})
}

// questionsOfLocations gathers the statements that read spool_locations.
type questionsOfLocations []string

func (q *questionsOfLocations) BeforeQuery(ctx context.Context, _ *bun.QueryEvent) context.Context {
	return ctx
}

func (q *questionsOfLocations) AfterQuery(_ context.Context, e *bun.QueryEvent) {
	if strings.Contains(e.Query, "spool_locations AS l") {
		*q = append(*q, e.Query)
	}
}

// fillUntilKilled is the child of the test below: it adds locations to rows, and waits inside the
// transaction of each batch until the parent lets it go on.
func fillUntilKilled(dir string) {
	log := slog.New(slog.DiscardHandler)
	c, err := Open(context.Background(), OpenOptions{
		Driver: os.Getenv("SPOOL_TEST_DRIVER"), DSN: os.Getenv("SPOOL_TEST_DSN"), JournalDir: dir, Node: "node1",
		Log: log, Tasks: pipeline.NewTasks(log, pipeline.SystemClock), QueryTimeout: 1e12,
	})
	if err == nil {
		err = c.Ready(context.Background())
	}
	in := bufio.NewReader(os.Stdin)
	if err == nil {
		err = c.finishTask(context.Background(), locating, func(ctx context.Context, s *store, tx bun.Tx, at string) (string, int64, error) {
			next, added, err := s.locateBatch(ctx, tx, at)
			fmt.Printf("at %s\n", at)
			_, _ = in.ReadByte()
			return next, added, err
		})
	}
	fmt.Println("failed:", err)
}

// TestAFillThatIsKilledInABatchGoesOnBehindTheLastWholeOne continues the task in another process.
func TestAFillThatIsKilledInABatchGoesOnBehindTheLastWholeOne(t *testing.T) {
	const batches = 4
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		dir := t.TempDir()
		c := openWith(t, OpenOptions{Driver: driver, DSN: dsn, JournalDir: dir})
		ready(t, c.Catalogue)
		generate(t, c.store.Load(), batches*upkeepBatch+3)
		c.exec(t, "DELETE FROM spool_upkeep")
		c.close()
		positions := map[string]bool{}
		for whole := range 3 { // each process completes one batch more, and is killed in the next
			at := fillAndKill(t, driver, dsn, dir, min(whole, 1))
			require.Equal(t, whole == 0, at == "at ", "it begins behind what the one before has done: %q", at)
			require.False(t, whole > 1 && positions[at])
			positions[at] = true
		}
		c = openWith(t, OpenOptions{Driver: driver, DSN: dsn, JournalDir: dir})
		ready(t, c.Catalogue)
		count := func() (n int) {
			require.NoError(t, c.store.Load().RW.NewRaw("SELECT COUNT(*) FROM spool_locations").Scan(t.Context(), &n))
			return n
		}
		require.Equal(t, 2*upkeepBatch, count(), "whole batches alone")
		_, err := c.Upkeep(t.Context(), UpkeepOptions{})
		require.NoError(t, err)
		require.Equal(t, batches*upkeepBatch+3, count())
	})
}

// fillAndKill lets a process complete some batches, kills it in the next, and returns the
// position at which that batch began.
func fillAndKill(t *testing.T, driver, dsn, dir string, batches int) (at string) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "SPOOL_TEST_FILLER="+dir, "SPOOL_TEST_DRIVER="+driver, "SPOOL_TEST_DSN="+dsn)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	scan := bufio.NewScanner(out)
	for n := 0; scan.Scan(); n++ {
		at = scan.Text()
		require.NotContains(t, at, "failed")
		if n == batches {
			require.NoError(t, cmd.Process.Kill())
			break
		}
		_, err := in.Write([]byte{'\n'})
		require.NoError(t, err)
	}
	_ = cmd.Wait()
	return at
}

// TestATaskThatAnotherRecorderHasFinishedStaysFinished.
func TestATaskThatAnotherRecorderHasFinishedStaysFinished(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		for _, step := range []string{"1 a", "2 b", taskDone, "2 b"} {
			require.NoError(t, c.inTx(t.Context(), func(ctx context.Context, s *store, tx bun.Tx) error { return s.moveTask(ctx, tx, "x", step) }))
		}
		var at string
		require.NoError(t, c.store.Load().RW.NewRaw("SELECT position FROM spool_upkeep WHERE task = 'x'").Scan(t.Context(), &at))
		require.Equal(t, taskDone, at)
	})
}

// TestTwoRecordersMoveATaskAtTheSameTime, also at its first batch: the recorder that waits for the
// other gets no error.
func TestTwoRecordersMoveATaskAtTheSameTime(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		other := openWith(t, OpenOptions{Driver: driver, DSN: dsn, Node: "other"})
		ready(t, other.Catalogue)
		move := func(c opened, task, to string, before, after func()) error {
			s := c.store.Load()
			return s.inTx(t.Context(), func(ctx context.Context, tx bun.Tx) error {
				before()
				defer after()
				return s.moveTask(ctx, tx, task, to)
			})
		}
		for i := range 20 { // the second is most often inside its transaction when the first commits
			task, done := fmt.Sprintf("task %d", i), make(chan error, 1)
			require.NoError(t, move(c, task, "1 a", func() {}, func() {
				began := make(chan struct{})
				go func() { done <- move(other, task, "2 b", func() { close(began) }, func() {}) }()
				if driver != "sqlite" { // there the second begins after the first has ended
					<-began
				}
			}))
			require.NoError(t, <-done)
		}
	})
}
