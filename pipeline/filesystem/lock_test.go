package filesystem

import (
	"bufio"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

var lockless = &Calls{Flock: func(int) error { return unix.ENOLCK }}

func lockIn(t *testing.T, dir string) (unlock func(), err error) {
	t.Helper()
	root, err := os.OpenRoot(dir)
	require.NoError(t, err)
	defer root.Close()
	f, err := root.OpenFile("a/x.part", os.O_RDWR, 0)
	require.NoError(t, err)
	defer f.Close()
	return lockless.Lock(root, "a/x.part", f)
}

func locked(t *testing.T) (dir, file string) {
	t.Helper()
	dir = t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(dir, "a"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a/x.part"), nil, 0o600))
	return dir, filepath.Join(dir, "a/.x.part.lock")
}

func TestALockFileIsOfOneAtATime(t *testing.T) {
	dir, file := locked(t)
	unlock, err := lockIn(t, dir)
	require.NoError(t, err)
	require.FileExists(t, file)
	_, err = lockIn(t, dir)
	require.ErrorIs(t, err, ErrLocked)
	unlock()
	require.NoFileExists(t, file)
	unlock, err = lockIn(t, dir)
	require.NoError(t, err)
	unlock()
}

// TestMain lets the test binary run as another process, which takes a lock and waits.
func TestMain(m *testing.M) {
	if dir := os.Getenv("LOCK_IN"); dir != "" {
		root, err := os.OpenRoot(dir)
		if err == nil {
			_, err = lockFile(root, "a/x.part")
		}
		if err != nil {
			panic(err)
		}
		_, _ = os.Stdout.WriteString("locked\n")
		_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// The lock file of a killed process counts until the process has ended, even if its parent has not reaped it yet.
func TestALockFileEndsWithItsProcess(t *testing.T) {
	dir, file := locked(t)
	other := exec.CommandContext(t.Context(), os.Args[0])
	other.Env = append(os.Environ(), "LOCK_IN="+dir)
	_, err := other.StdinPipe()
	require.NoError(t, err)
	out, err := other.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, other.Start())
	said, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "locked\n", said)

	_, err = lockIn(t, dir)
	require.ErrorIs(t, err, ErrLocked)
	require.NoError(t, other.Process.Kill())
	defer func() { _ = other.Wait() }()
	require.FileExists(t, file)
	var unlock func()
	require.Eventually(t, func() bool {
		unlock, err = lockIn(t, dir)
		return err == nil
	}, time.Minute, time.Millisecond, "a zombie holds no lock")
	unlock()
	entries, err := os.ReadDir(filepath.Join(dir, "a"))
	require.NoError(t, err)
	require.Len(t, entries, 1, "%v", entries)
}

// The maker of a lock file, compared with this process, decides whether the lock holds.
func TestTheOwnerOfALockFile(t *testing.T) {
	me := ThisProcess()
	for name, c := range map[string]struct {
		made func(p *Process)
		want error
	}{
		"this process":                 {func(*Process) {}, ErrLocked},
		"one with a used-up ID":        {func(p *Process) { p.Began = "1" }, nil},
		"before a reboot":              {func(p *Process) { p.Boot = "another" }, nil},
		"another machine of that name": {func(p *Process) { p.Boot, p.Machine = "another", "another" }, ErrPerhapsLocked},
		"another host":                 {func(p *Process) { p.Boot, p.Host = "another", "another host" }, ErrPerhapsLocked},
		"another container":            {func(p *Process) { p.Space = "pid:[1]" }, ErrPerhapsLocked},
		"a process without an ID":      {func(p *Process) { p.PID = 0 }, ErrPerhapsLocked},
	} {
		t.Run(name, func(t *testing.T) {
			dir, file := locked(t)
			p := me
			c.made(&p)
			require.NoError(t, os.WriteFile(file, []byte(p.String()), 0o600))
			unlock, err := lockIn(t, dir)
			if c.want != nil {
				require.ErrorIs(t, err, c.want)
				require.FileExists(t, file)
				return
			}
			require.NoError(t, err)
			unlock()
		})
	}
}

// A kill between the creation of a lock file and the write of its content leaves it empty.
func TestAnEmptyLockFileEndsAfterAMinute(t *testing.T) {
	dir, file := locked(t)
	require.NoError(t, os.WriteFile(file, nil, 0o600))
	_, err := lockIn(t, dir)
	require.ErrorIs(t, err, ErrPerhapsLocked)
	before := time.Now().Add(-2 * time.Minute)
	require.NoError(t, os.Chtimes(file, before, before))
	unlock, err := lockIn(t, dir)
	require.NoError(t, err)
	unlock()
}

// FuzzLockFile: no content of a lock file passes for a running process that it does not name.
func FuzzLockFile(f *testing.F) {
	f.Add(ThisProcess().String())
	f.Add(`host="a b" boot=x space=pid:[1] pid=-1 began=`)
	f.Fuzz(func(t *testing.T, text string) {
		if p := parseProcess(text); p.state(ThisProcess()) == running && p.PID != os.Getpid() {
			require.Equal(t, Began(p.PID), p.Began)
		}
	})
}
