package metadata

import (
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/metadata/dbtest"
)

// virtualAddress is an address that leads to one server or another. Existing connections stay
// with their server, as with an address that moves between machines.
type virtualAddress struct {
	addr string
	to   atomic.Pointer[string]
}

func newVirtualAddress(t *testing.T, to string) *virtualAddress {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	v := &virtualAddress{addr: l.Addr().String()}
	v.to.Store(&to)
	var all sync.WaitGroup
	var mu sync.Mutex
	var conns []net.Conn
	all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", *v.to.Load())
			if err != nil {
				_ = in.Close()
				continue
			}
			mu.Lock()
			conns = append(conns, in, out)
			mu.Unlock()
			for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
				all.Go(func() {
					_, _ = io.Copy(way[0], way[1])
					_, _ = way[0].Close(), way[1].Close()
				})
			}
		}
	})
	t.Cleanup(func() {
		_ = l.Close()
		mu.Lock()
		for _, c := range conns {
			_ = c.Close()
		}
		mu.Unlock()
		all.Wait()
	})
	return v
}

func (v *virtualAddress) lead(to string) { v.to.Store(&to) }

const patience = 60 * time.Second

// readOnlyNow waits until a catalogue has noticed that its database takes no changes, and checks
// that it answers queries and reports the state.
func readOnlyNow(t *testing.T, c opened, n int) {
	t.Helper()
	require.Eventually(t, func() bool { return c.Stalled() && c.Stats().Tries > 1 }, patience, 10*time.Millisecond)
	require.Len(t, all(t, c, media.Query{}), n, "what it has, and what waits")
	s := c.Stats()
	require.Contains(t, s.LastError, "read-only")
	require.Contains(t, s.Advice, "the database is read-only")
	require.Positive(t, s.Pending)
	require.False(t, s.DownSince.IsZero())
}

// TestRowsFollowTheirPostgresPrimary closes the primary for writing without stopping it, and promotes
// the standby. Recorders whose DSN names both servers, and one whose address moves, go on there.
func TestRowsFollowTheirPostgresPrimary(t *testing.T) {
	t.Parallel()
	first := dbtest.StartPostgres(t)
	second := dbtest.StartStandbyOf(t, first)
	both := "postgres://spool:secret@" + second.Addr + "," + first.Addr + "/spool?sslmode=disable" // the standby comes first
	moving := newVirtualAddress(t, first.Addr)
	var catalogues []opened
	n := 0
	putAll := func() {
		for i, c := range catalogues {
			put(t, c, sample(n, []string{"live/both", "live/attrs", "live/moving"}[i]))
			n++
		}
	}
	for i, dsn := range []string{both, both + "&target_session_attrs=read-write", first.DSNFor(moving.addr)} {
		catalogues = append(catalogues, openWith(t, OpenOptions{Driver: "postgres", DSN: dsn, Node: []string{"a", "b", "c"}[i]}))
		ready(t, catalogues[i].Catalogue)
	}
	putAll()
	for _, c := range catalogues {
		ready(t, c.Catalogue)
	}
	count := func(s *dbtest.Server) (rows int) {
		require.NoError(t, sqlDB(t, "postgres", s.DSN).QueryRowContext(t.Context(), "SELECT COUNT(*) FROM spool_recordings").Scan(&rows))
		return rows
	}
	require.Eventually(t, func() bool { return count(second) == 3 }, patience, 50*time.Millisecond, "the standby follows")

	run(t, sqlDB(t, "postgres", first.DSN), "ALTER SYSTEM SET default_transaction_read_only = on", "SELECT pg_reload_conf()")
	for _, i := range []int{0, 2} {
		require.Eventually(t, func() bool {
			put(t, catalogues[i], sample(n, "live/wait"))
			n++
			return catalogues[i].Stalled()
		}, patience, 50*time.Millisecond)
	}
	waiting := n
	readOnlyNow(t, catalogues[2], countOf(t, catalogues[2]))
	second.Promote()
	moving.lead(second.Addr) // the connections to the first server stay open
	putAll()
	for _, c := range catalogues {
		ready(t, c.Catalogue)
		require.Eventually(t, func() bool { return c.Stats().Connected && c.Stats().LastError == "" }, patience, time.Millisecond)
	}
	require.Equal(t, waiting+3, count(second), "every row, without a restart")
	first.Kill()
	putAll()
	for _, c := range catalogues {
		ready(t, c.Catalogue)
	}
	require.Equal(t, n, count(second))
}

func countOf(t *testing.T, c opened) int {
	t.Helper()
	return len(records(t, c, media.Query{Limit: media.MaxLimit}).Records)
}

// TestMariaDBReadOnlyAndBack closes a server for writing and opens it again; the next time its
// address moves to another server.
func TestMariaDBReadOnlyAndBack(t *testing.T) {
	t.Parallel()
	first, second := dbtest.StartMariaDB(t), dbtest.StartMariaDB(t)
	admin := sqlDB(t, "mysql", first.DSN)
	moving := newVirtualAddress(t, first.Addr)
	dsn := strings.Replace(first.DSNFor(moving.addr), "spool:", "recorder:", 1)
	for _, s := range []*dbtest.Server{first, second} { // the administrator's account may write to a read-only server
		run(t, sqlDB(t, "mysql", s.Admin()), "CREATE USER recorder@'127.0.0.1' IDENTIFIED BY 'secret'", "GRANT ALL ON spool.* TO recorder@'127.0.0.1'")
	}
	open(t, "mysql", second.DSN).close() // it creates the schema there too
	c := open(t, "mysql", dsn)
	put(t, c, sample(0, "live/a"))
	ready(t, c.Catalogue)

	run(t, admin, "SET GLOBAL read_only = 1")
	put(t, c, sample(1, "live/a"))
	readOnlyNow(t, c, 2)
	run(t, admin, "SET GLOBAL read_only = 0")
	ready(t, c.Catalogue)
	require.Len(t, all(t, c, media.Query{}), 2)

	run(t, admin, "SET GLOBAL read_only = 1")
	put(t, c, sample(2, "live/a"))
	readOnlyNow(t, c, 3)
	moving.lead(second.Addr)
	ready(t, c.Catalogue)
	require.Len(t, all(t, c, media.Query{}), 1, "the other server has what came since")
	select {
	case <-c.Behind():
	case <-time.After(patience):
		require.Fail(t, "it is not told that rows are missing")
	}
}
