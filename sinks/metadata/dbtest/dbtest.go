//go:build linux

// Package dbtest starts real database servers for tests. Each server has a directory of its own and
// listens on a free port of the loopback interface. The server ends, and its directory is removed, when
// the test ends, or for a server of Shared when Shared.Close is called.
package dbtest

import (
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql" // registers "mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // registers "pgx"
)

// TB has the methods of testing.TB that this package calls. Shared implements it differently for
// servers that outlive a test: see lasting.
type TB interface {
	Helper()
	Fatal(...any)
	Fatalf(string, ...any)
	Cleanup(func())
}

// Server is a database server that runs, until Kill ends it. Start then runs it again.
type Server struct {
	Driver string // postgres or mysql
	DSN    string // data source name of the recorders' account, for the database spool
	Addr   string // host:port

	t       TB
	dir     string           // directory of the server's data, log and password file
	start   func() *exec.Cmd // returns the command that runs the server
	cmd     *exec.Cmd        // the running server; nil after Kill
	logFile string
	admin   string // DSN of the administrator, for a database that exists from the first start
	made    int    // number of databases that Fresh has created
}

// startWithin is the longest wait for a server to start or stop. A slow machine may need most of it
// for a start.
const startWithin = 60 * time.Second

// SQLite returns the path of a new database in a temporary directory of the test.
func SQLite(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "spool.db")
}

// DSNFor returns the server's DSN with another address, such as a proxy's.
func (s *Server) DSNFor(addr string) string { return s.dsn(addr, "spool") }

// Admin returns the DSN of the administrator's account.
func (s *Server) Admin() string { return s.admin }

func (s *Server) dsn(addr, database string) string {
	if s.Driver == "mysql" {
		return "spool:secret@tcp(" + addr + ")/" + database
	}
	return "postgres://spool:secret@" + addr + "/" + database + "?sslmode=disable"
}

// Fresh creates a new, empty database on the server and returns its DSN.
func (s *Server) Fresh(t TB) string {
	t.Helper()
	s.made++
	name := "fresh" + strconv.Itoa(s.made)
	s.exec(t, s.DSN, "CREATE DATABASE "+name)
	return s.dsn(s.Addr, name)
}

// Exec executes statements in the database spool, with the account of the recorders.
func (s *Server) Exec(t TB, queries ...string) { t.Helper(); s.exec(t, s.DSN, queries...) }

func (s *Server) exec(t TB, dsn string, queries ...string) {
	t.Helper()
	db, err := sql.Open(s.sqlName(), dsn)
	fail(t, "open", err)
	defer db.Close()
	for _, q := range queries {
		_, err := db.ExecContext(context.Background(), q)
		fail(t, q, err)
	}
}

func (s *Server) sqlName() string {
	if s.Driver == "postgres" {
		return "pgx"
	}
	return s.Driver
}

// Kill ends the server with SIGKILL, so that it cannot shut down in order, and waits until its
// processes are gone. It does nothing if the server does not run.
func (s *Server) Kill() {
	s.t.Helper()
	if s.cmd == nil {
		return
	}
	below := children(s.cmd.Process.Pid)
	_ = signalTree(s.cmd.Process.Pid, syscall.SIGKILL)
	_ = s.cmd.Wait()
	s.cmd = nil
	// PostgreSQL does not start while an old process holds its shared memory.
	for _, pid := range below {
		s.until(pid, "outlives SIGKILL", func(pid int) bool { return !alive(pid) })
	}
}

// until calls the function is with a process again and again until it returns true. After
// startWithin it fails the test, with a text that ends in otherwise.
func (s *Server) until(pid int, otherwise string, is func(pid int) bool) {
	s.t.Helper()
	for deadline := time.Now().Add(startWithin); !is(pid); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			s.t.Fatalf("%s: process %d %s", s.Driver, pid, otherwise)
		}
	}
}

// Freeze stops every process of the server by SIGSTOP. Connections stay open, and no query is answered
// until Thaw.
func (s *Server) Freeze() { s.t.Helper(); s.stop(s.cmd.Process.Pid) }

// stop stops a process and its descendants. It stops the parent before its children, because the
// parent could otherwise start another child.
func (s *Server) stop(pid int) {
	s.t.Helper()
	if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil && err != syscall.ESRCH {
		s.t.Fatalf("%s: stop process %d: %v", s.Driver, pid, err)
	}
	s.until(pid, "runs on after SIGSTOP", stopped)
	for _, child := range children(pid) {
		s.stop(child)
	}
}

// Thaw continues the server after Freeze.
func (s *Server) Thaw() {
	s.t.Helper()
	if err := signalTree(s.cmd.Process.Pid, syscall.SIGCONT); err != nil {
		s.t.Fatalf("%s: go on: %v", s.Driver, err)
	}
}

// Start starts the server and waits until it answers. After Kill, the server has the data that it
// had before.
func (s *Server) Start() {
	s.t.Helper()
	s.cmd = s.start()
	s.cmd.SysProcAttr.Setpgid = true
	s.cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	log, err := os.OpenFile(s.logFile, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	if err != nil {
		s.t.Fatal(err)
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	if err := s.cmd.Start(); err != nil {
		s.t.Fatalf("start %s: %v", s.Driver, err)
	}
	s.await()
}

// await waits until the server accepts connections. After startWithin it fails the test.
func (s *Server) await() {
	s.t.Helper()
	db, err := sql.Open(s.sqlName(), s.admin)
	if err != nil {
		s.t.Fatal(err)
	}
	defer db.Close()
	deadline := time.Now().Add(startWithin)
	for {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		err := db.PingContext(ctx)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			text, _ := os.ReadFile(s.logFile)
			s.t.Fatalf("%s does not answer on %s: %v\n%s", s.Driver, s.Addr, err, text)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// program returns the path of a program. It looks in PATH first, and then for files that match the
// patterns (filepath.Glob). It fails the test if the program is not installed.
func program(t TB, name string, patterns ...string) string {
	t.Helper()
	if path, err := exec.LookPath(name); err == nil {
		return path
	}
	for _, p := range patterns {
		if found, _ := filepath.Glob(p); len(found) > 0 {
			return found[len(found)-1]
		}
	}
	t.Fatalf("%s is not installed; run the tests by `make test`, which installs what they need", name)
	return ""
}

// freeAddr returns a loopback address on which no process listens. Its port is below the range from
// which the kernel takes ports for outgoing connections: an outgoing connection could otherwise
// occupy the port before a killed server restarts.
func freeAddr(t TB) (addr, port string) {
	t.Helper()
	const lowest, highest = 15000, 32000
	var err error
	for range 100 {
		port = strconv.Itoa(lowest + rand.IntN(highest-lowest))
		var l net.Listener
		if l, err = net.Listen("tcp", "127.0.0.1:"+port); err == nil {
			fail(t, "close", l.Close())
			return l.Addr().String(), port
		}
	}
	t.Fatalf("no free port: %v", err)
	return "", ""
}

// dataDir creates a directory that belongs to the account owner, and removes it when the test ends.
// The directory is not below t.TempDir, to which the account has no access.
func dataDir(t TB, owner string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "spool-dbtest-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	own(t, dir, owner)
	return dir
}

// own gives a directory to an account. It does nothing if the test does not run as root, or if the
// account does not exist.
func own(t TB, dir, owner string) {
	t.Helper()
	if uid, gid, ok := account(owner); ok {
		fail(t, "chown", os.Chown(dir, uid, gid))
	}
}

func run(t TB, cmd *exec.Cmd) {
	t.Helper()
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", cmd.Path, err, out)
	}
}

// as returns a command that runs in dir. If the test runs as root, the command runs under the
// account owner, because both servers refuse to run as root.
func as(owner, dir, name string, args ...string) *exec.Cmd {
	cmd := exec.Command(name, args...)
	cmd.Dir, cmd.SysProcAttr = dir, &syscall.SysProcAttr{}
	// At its start a server removes other servers' files from the temporary directory, if they share one.
	cmd.Env = append(os.Environ(), "HOME="+dir, "TMPDIR="+dir, "LC_ALL=C")
	if uid, gid, ok := account(owner); ok {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return cmd
}

func fail(t TB, what string, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", what, err))
	}
}
