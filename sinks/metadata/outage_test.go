package metadata

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/dbtest"
)

// eachServer runs a test on a PostgreSQL and a MariaDB server of its own, beside other tests. As with
// eachDatabase, the call is the last one of a test.
func eachServer(t *testing.T, test func(t *testing.T, s *dbtest.Server)) {
	t.Parallel()
	for driver, start := range map[string]func(dbtest.TB) *dbtest.Server{"postgres": dbtest.StartPostgres, "mysql": dbtest.StartMariaDB} {
		t.Run(driver, func(t *testing.T) {
			t.Parallel()
			test(t, start(t))
		})
	}
}

// TestAnOutageLosesNoRowAndDoublesNone takes the database away, in three ways,
// while twenty recordings go on.
func TestAnOutageLosesNoRowAndDoublesNone(t *testing.T) {
	eachServer(t, func(t *testing.T, s *dbtest.Server) {
		addr, cut, mend := proxy(t, s.Addr)
		c := openWith(t, OpenOptions{Driver: s.Driver, DSN: s.DSNFor(addr), QueryTimeout: time.Second, ApplyTimeout: 2 * time.Second})
		ready(t, c.Catalogue)
		total := 0
		for _, way := range []struct {
			name          string
			away, return_ func()
		}{
			{"killed", s.Kill, s.Start}, {"frozen", s.Freeze, s.Thaw}, {"cut", cut, mend},
		} {
			total = outage(t, c, total, way.name, way.away, way.return_)
		}
		seen := map[media.ID]bool{}
		for _, r := range all(t, c, media.Query{Limit: 1000}) {
			require.False(t, seen[r.ID])
			require.Equal(t, media.StateFinished, r.State)
			seen[r.ID] = true
		}
		require.Len(t, seen, total)
	})
}

// outage writes before, during and after an outage, and returns the number of recordings
// there are now.
func outage(t *testing.T, c opened, first int, name string, away, back func()) int {
	t.Helper()
	n := first
	burst := func() {
		var wg sync.WaitGroup
		for stream := range 20 {
			rec := sample(n, fmt.Sprintf("live/%d", stream))
			n++
			wg.Go(func() {
				growing := rec
				growing.State = media.StateRecording
				if err := c.Put(t.Context(), growing); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if err := c.Put(t.Context(), rec); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			})
		}
		wg.Wait()
	}
	burst()
	away()
	burst()
	require.Eventually(t, func() bool { return !c.Stats().Connected }, 30*time.Second, 5*time.Millisecond, "%s: the outage is noticed", name)
	burst()
	p := records(t, c, media.Query{Limit: 1000})
	require.True(t, p.Degraded, name)
	require.GreaterOrEqual(t, len(p.Records), 20, "pending recordings are listed")
	for _, r := range p.Records {
		require.True(t, r.Pending)
	}
	got, err := c.Record(t.Context(), p.Records[0].ID)
	require.NoError(t, err)
	require.True(t, got.Pending)
	_, err = c.Record(t.Context(), media.ID{9})
	require.ErrorIs(t, err, ErrUnavailable)
	require.NotContains(t, c.Stats().LastError, "secret")
	require.NotEmpty(t, c.Stats().LastError)
	back()
	burst()
	ready(t, c.Catalogue)
	require.Len(t, all(t, c, media.Query{Limit: 1000}), n, name)
	require.Zero(t, c.Stats().Pending)
	return n
}

// proxy starts a TCP proxy in front of a server.
func proxy(t *testing.T, to string) (addr string, cut, mend func()) {
	t.Helper()
	nop := zerolog.Nop()
	p := toxiproxy.NewProxy(toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), nop), "db", "127.0.0.1:0", to)
	require.NoError(t, p.Start())
	addr = p.Listen
	t.Cleanup(p.Stop)
	return addr, p.Stop, func() { require.NoError(t, p.Start()) }
}

func TestStartingWithoutADatabaseRecordsAllTheSame(t *testing.T) {
	eachServer(t, func(t *testing.T, s *dbtest.Server) {
		s.Kill()
		dir := t.TempDir()
		c := openWith(t, OpenOptions{Driver: s.Driver, DSN: s.DSN, JournalDir: dir})
		put(t, c, sample(1, "live/a"))
		require.True(t, records(t, c, media.Query{}).Degraded)
		c.close()
		c = openWith(t, OpenOptions{Driver: s.Driver, DSN: s.DSN, JournalDir: dir})
		put(t, c, sample(2, "live/a"))
		require.Len(t, records(t, c, media.Query{}).Records, 2, "also of the process before")
		s.Start()
		ready(t, c.Catalogue)
		require.Len(t, all(t, c, media.Query{}), 2)
	})
}

func TestAFullJournalCountsRefusedChanges(t *testing.T) {
	// A directory in the place of the file: the database never opens.
	c := openWith(t, OpenOptions{Driver: "sqlite", DSN: t.TempDir(), MaxJournalBytes: 3000})
	var err error
	n := 0
	for ; err == nil; n++ {
		err = c.Put(t.Context(), sample(n, "live/a"))
	}
	require.ErrorIs(t, err, ErrJournalFull)
	s := c.Stats()
	require.EqualValues(t, 1, s.Full)
	require.Equal(t, n-1, s.Pending)
	require.Less(t, s.JournalBytes, int64(5000))
	require.Eventually(t, func() bool { return c.Stats().LastError != "" }, 30*time.Second, time.Millisecond)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, c.Ready(ctx), ErrUnavailable)
}

func TestALockedSQLiteFileIsWaitedFor(t *testing.T) {
	dsn := filepath.Join(t.TempDir(), "x.db")
	c := open(t, "sqlite", dsn)
	other, err := c.target.Open(t.Context())
	require.NoError(t, err)
	defer func() { require.NoError(t, other.Close()) }()
	tx, err := other.RW.BeginTx(t.Context(), nil) // _txlock=immediate: it holds the write lock
	require.NoError(t, err)
	put(t, c, sample(1, "live/a"))
	require.Len(t, records(t, c, media.Query{}).Records, 1)
	require.Equal(t, 1, c.Stats().Pending)
	require.NoError(t, tx.Rollback())
	ready(t, c.Catalogue)
	require.Len(t, all(t, c, media.Query{}), 1)
}
