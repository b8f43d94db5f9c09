package dbtest

import (
	"fmt"
	"sync"
	"testing"
)

// Shared is servers that the tests of one package have in common, each started
// when it is first asked for. The package's TestMain closes it.
type Shared struct {
	mu       sync.Mutex
	servers  map[string]*Server
	cleanups []func()
}

// Fresh is the DSN of an empty database: sqlite, postgres or mysql.
func (s *Shared) Fresh(t testing.TB, driver string) string {
	t.Helper()
	if driver == "sqlite" {
		return SQLite(t)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.servers[driver] == nil {
		start := map[string]func(TB) *Server{"postgres": StartPostgres, "mysql": StartMariaDB}[driver]
		if s.servers == nil {
			s.servers = map[string]*Server{}
		}
		s.servers[driver] = start(lasting{t, s})
	}
	return s.servers[driver].Fresh(t)
}

// Close ends the servers.
func (s *Shared) Close() {
	for i := len(s.cleanups) - 1; i >= 0; i-- {
		s.cleanups[i]()
	}
	s.cleanups = nil
}

// lasting fails the test that starts a server, and outlives it.
type lasting struct {
	testing.TB
	shared *Shared
}

func (l lasting) Cleanup(f func()) { l.shared.cleanups = append(l.shared.cleanups, f) }

// Fatal after the first test's end would be lost: it panics instead.
func (l lasting) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// Fatalf is as Fatal.
func (l lasting) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// Helper may be called after the first test's end.
func (l lasting) Helper() {}
