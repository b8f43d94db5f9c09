//go:build linux

package dbtest

import (
	"fmt"
	"sync"
	"testing"
)

// Shared holds the servers that the tests of one package share. Fresh starts a server when a test
// first needs it. The package's TestMain calls Close.
type Shared struct {
	mu       sync.Mutex
	servers  map[string]*Server
	cleanups []func()
}

// Fresh returns the DSN of a new, empty database. driver is sqlite, postgres or mysql.
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

// Close ends the servers and removes their directories.
func (s *Shared) Close() {
	for i := len(s.cleanups) - 1; i >= 0; i-- {
		s.cleanups[i]()
	}
	s.cleanups = nil
}

// lasting is the TB of a shared server, which outlives the test that started it.
type lasting struct {
	testing.TB
	shared *Shared
}

// Cleanup registers f for Shared.Close.
func (l lasting) Cleanup(f func()) { l.shared.cleanups = append(l.shared.cleanups, f) }

// Fatal panics: the test that started the server may have ended, and could not fail any more.
func (l lasting) Fatal(args ...any) { panic(fmt.Sprint(args...)) }

// Fatalf panics, as Fatal does.
func (l lasting) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }

// Helper does nothing: the test that started the server may have ended.
func (l lasting) Helper() {}
