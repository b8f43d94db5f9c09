//go:build linux

package dbtest

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// serverDisk is the size of the file system that StartPostgresOnDisk and StartMariaDBOnDisk mount:
// enough for a new server of either kind and its log.
const serverDisk = "320m"

// StartPostgresOnDisk starts a PostgreSQL server on a small file system of its own: see Mount and
// Server.Fill.
func StartPostgresOnDisk(t TB) *Server { t.Helper(); return postgresIn(t, ownDisk(t, "postgres")) }

// StartMariaDBOnDisk starts a MariaDB server on a small file system of its own: see Mount and
// Server.Fill.
func StartMariaDBOnDisk(t TB) *Server { t.Helper(); return mariaDBIn(t, ownDisk(t, "nobody")) }

func ownDisk(t TB, owner string) string {
	t.Helper()
	dir := dataDir(t, owner)
	Mount(t, dir, serverDisk)
	own(t, dir, owner)
	return dir
}

// Mount mounts a tmpfs of the given size, such as "4m", on dir until the test ends. It needs root or
// sudo; without them the test fails.
func Mount(t TB, dir, size string) {
	t.Helper()
	asRoot(t, "mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%s,uid=%d,gid=%d", size, os.Geteuid(), os.Getegid()), "tmpfs", dir)
	t.Cleanup(func() { asRoot(t, "umount", "-l", dir) })
}

func asRoot(t TB, name string, args ...string) {
	t.Helper()
	if os.Geteuid() != 0 {
		name, args = "sudo", append([]string{"-n", name}, args...)
	}
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		t.Fatalf("a filesystem is mounted here: run as root, or allow sudo: %v\n%s", err, out)
	}
}

// Fill occupies every free byte of the server's file system. The server must be on a file system of
// its own: see StartPostgresOnDisk.
func (s *Server) Fill() { s.t.Helper(); Fill(s.t, s.filler()) }

// Free removes the file that Server.Fill created, and restarts the server if it has ended: see
// Revive.
func (s *Server) Free() {
	s.t.Helper()
	fail(s.t, "free the disk", os.Remove(s.filler()))
	s.Revive()
}

// Revive restarts the server if it has ended because its disk was full, as a service manager would.
// MariaDB may end some time after the disk was filled.
func (s *Server) Revive() {
	s.t.Helper()
	if s.cmd != nil && !alive(s.cmd.Process.Pid) {
		s.Kill()
		s.Start()
	}
}

func (s *Server) filler() string { return filepath.Join(s.dir, "filler") }

// Fill creates the file name and writes to it until its file system is full.
func Fill(t TB, name string) {
	t.Helper()
	f, err := os.Create(name)
	fail(t, "fill the disk", err)
	defer f.Close()
	for block := 1 << 16; block > 0; {
		if _, err = f.Write(make([]byte, block)); err != nil {
			block /= 16
		}
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("fill the disk: %v, not for want of space", err)
	}
}
