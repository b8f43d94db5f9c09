//go:build linux

package dbtest

import (
	"os"
	"os/exec"
	"path/filepath"
)

// StartStandbyOf starts a PostgreSQL standby of primary. The standby refuses writes until Promote.
func StartStandbyOf(t TB, primary *Server) *Server {
	t.Helper()
	basebackup := program(t, "pg_basebackup", "/usr/lib/postgresql/*/bin/pg_basebackup")
	dir := dataDir(t, "postgres")
	data := filepath.Join(dir, "data")
	run(t, as("postgres", dir, basebackup, "-d", primary.dsn(primary.Addr, "postgres"), "-D", data,
		"-R", "-X", "stream", "--checkpoint=fast", "--no-sync"))
	fail(t, "chmod", os.Chmod(data, 0o700))
	addr, port := freeAddr(t)
	s := &Server{Driver: "postgres", Addr: addr, t: t, dir: dir, logFile: filepath.Join(dir, "log"),
		start: func() *exec.Cmd { return postgresCommand(t, dir, data, port) }}
	s.DSN, s.admin = s.DSNFor(addr), s.dsn(addr, "postgres")
	s.Start()
	t.Cleanup(s.Kill)
	return s
}

// Promote makes a standby a primary, which accepts writes.
func (s *Server) Promote() { s.t.Helper(); s.exec(s.t, s.admin, "SELECT pg_promote()") }
