//go:build linux

package dbtest

import (
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// StartPostgres starts a PostgreSQL server with fsync off. A killed server then loses no data,
// because the data that it has written stays in the page cache of the machine.
func StartPostgres(t TB) *Server { t.Helper(); return postgresIn(t, dataDir(t, "postgres")) }

// StartMariaDB starts a MariaDB server without fsync, as StartPostgres does.
func StartMariaDB(t TB) *Server { t.Helper(); return mariaDBIn(t, dataDir(t, "nobody")) }

func postgresIn(t TB, dir string) *Server {
	t.Helper()
	initdb := program(t, "initdb", "/usr/lib/postgresql/*/bin/initdb")
	password := filepath.Join(dir, "password")
	fail(t, "password", os.WriteFile(password, []byte("secret"), 0o644))
	data := filepath.Join(dir, "data")
	run(t, as("postgres", dir, initdb, "-D", data, "-U", "spool", "--pwfile", password,
		"-A", "scram-sha-256", "-E", "UTF8", "--no-locale", "--no-sync"))
	addr, port := freeAddr(t)
	s := &Server{Driver: "postgres", Addr: addr, t: t, dir: dir, logFile: filepath.Join(dir, "log"),
		start: func() *exec.Cmd { return postgresCommand(t, dir, data, port) }}
	s.DSN, s.admin = s.DSNFor(addr), s.dsn(addr, "postgres")
	s.Start()
	t.Cleanup(s.Kill)
	s.exec(t, s.admin, "CREATE DATABASE spool")
	return s
}

func postgresCommand(t TB, dir, data, port string) *exec.Cmd {
	postgres := filepath.Join(filepath.Dir(program(t, "initdb", "/usr/lib/postgresql/*/bin/initdb")), "postgres")
	return as("postgres", dir, postgres, "-D", data, "-p", port, "-h", "127.0.0.1", "-k", dir,
		"-c", "fsync=off", "-c", "shared_buffers=64MB", "-c", "max_connections=200")
}

func mariaDBIn(t TB, dir string) *Server {
	t.Helper()
	mariadbd := program(t, "mariadbd", "/usr/sbin/mariadbd")
	install := program(t, "mariadb-install-db", "/usr/bin/mariadb-install-db")
	data := filepath.Join(dir, "data")
	run(t, as("nobody", dir, install, "--no-defaults", "--datadir="+data, "--auth-root-authentication-method=normal", "--skip-test-db"))
	addr, port := freeAddr(t)
	s := &Server{Driver: "mysql", Addr: addr, t: t, dir: dir, logFile: filepath.Join(dir, "log"), start: func() *exec.Cmd {
		return as("nobody", dir, mariadbd, "--no-defaults", "--datadir="+data, "--port="+port, "--bind-address=127.0.0.1",
			"--socket="+filepath.Join(dir, "sock"), "--pid-file="+filepath.Join(dir, "pid"), "--skip-name-resolve",
			"--debug-no-sync", "--innodb-flush-method=nosync", "--innodb-flush-log-at-trx-commit=2", "--innodb-buffer-pool-size=256M", "--innodb-log-file-size=64M")
	}}
	s.DSN, s.admin = s.DSNFor(addr), "root@tcp("+addr+")/mysql"
	s.Start()
	t.Cleanup(s.Kill)
	s.exec(t, s.admin, "CREATE DATABASE spool", "CREATE USER spool@'127.0.0.1' IDENTIFIED BY 'secret'",
		"GRANT ALL ON *.* TO spool@'127.0.0.1'")
	return s
}

// account returns the IDs of an account. ok is false if the test is not root, and so cannot run programs
// under another account, or if the account does not exist.
func account(name string) (uid, gid int, ok bool) {
	if os.Geteuid() != 0 {
		return 0, 0, false
	}
	u, err := user.Lookup(name)
	if err != nil {
		return 0, 0, false
	}
	uid, _ = strconv.Atoi(u.Uid)
	gid, _ = strconv.Atoi(u.Gid)
	return uid, gid, true
}

// signalTree sends a signal to a process and its descendants. A signal to the process group would not
// suffice: PostgreSQL gives each connection a process in a group of its own.
func signalTree(pid int, sig syscall.Signal) error {
	for _, child := range children(pid) {
		if err := syscall.Kill(child, sig); err != nil && err != syscall.ESRCH {
			return err
		}
	}
	return syscall.Kill(pid, sig)
}

// children returns the descendants of a process.
func children(pid int) (out []int) {
	tasks, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, f := range tasks {
		b, _ := os.ReadFile(f)
		for _, s := range strings.Fields(string(b)) {
			if n, err := strconv.Atoi(s); err == nil {
				out = append(append(out, n), children(n)...)
			}
		}
	}
	return out
}

// alive reports whether a process exists and is not a zombie. A zombie counts as gone, since it has
// released its resources.
func alive(pid int) bool {
	s := state("/proc/" + strconv.Itoa(pid) + "/stat")
	return s != "" && s != "Z" && s != "X"
}

// stopped reports whether every thread of a process is stopped. It must be awaited after SIGSTOP:
// kill(2) returns before the signal has taken effect, and a thread on another core may still answer
// a query.
func stopped(pid int) bool {
	threads, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/stat")
	for _, t := range threads {
		if s := state(t); s != "" && s != "T" && s != "Z" && s != "X" {
			return false
		}
	}
	return true
}

// state returns the letter for the state of a process or thread, from its file stat in /proc (proc(5)),
// or "" if it is gone.
func state(stat string) string {
	b, err := os.ReadFile(stat)
	if err != nil {
		return ""
	}
	_, after, _ := strings.Cut(string(b), ") ")
	letter, _, _ := strings.Cut(after, " ")
	return letter
}
