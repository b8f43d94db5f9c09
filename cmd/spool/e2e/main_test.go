package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// patience bounds a wait for an event that must happen, however slowly.
const patience = 60 * time.Second

// long selects clips and loads of full length.
var long = os.Getenv("E2E_LONG") != ""

// workshop is a directory that all tests share.
var workshop string

func TestMain(m *testing.M) {
	if dir := os.Getenv(breakDisk); dir != "" {
		if err := broken(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	dir, err := os.MkdirTemp("", "spool-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	workshop = dir
	code := m.Run()
	_ = os.RemoveAll(dir) // remaining files are in the temporary directory
	os.Exit(code)
}

// goBuild builds a binary of a package, in a directory.
func goBuild(path, dir, pkg string, environ []string, args ...string) error {
	cmd := exec.Command("go", append(append([]string{"build", "-o", path}, args...), pkg)...)
	cmd.Dir, cmd.Env = dir, environ
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build %s: %w\n%s", pkg, err, out)
	}
	return nil
}

// binary returns a function that builds one of the program's binaries once.
func binary(name, cgo string, args ...string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		path := filepath.Join(workshop, name)
		return path, goBuild(path, ".", "github.com/gospool/spool/cmd/spool", append(os.Environ(), "CGO_ENABLED="+cgo), args...)
	})
}

// The flags are those of make build and of make test, so that what they have compiled is shared. SQLite runs without the race detector.
var (
	staticBinary = binary("spool", "0", "-trimpath")
	racyBinary   = binary("spool-race", "1", "-race", "-gcflags=modernc.org/sqlite/lib=-race=false -d=checkptr=0",
		"-gcflags=modernc.org/libc=-race=false -d=checkptr=0")
)

// clips holds the files that ffmpeg has made, for all tests.
var clips = struct {
	sync.Mutex
	made map[string]string
}{made: map[string]string{}}

// clip returns a file of the workshop that ffmpeg makes with the given arguments.
func clip(t *testing.T, name string, args ...string) string {
	t.Helper()
	clips.Lock()
	defer clips.Unlock()
	if path := clips.made[name]; path != "" {
		return path
	}
	path := filepath.Join(workshop, name)
	tool(t, "ffmpeg", append(append([]string{"-nostdin", "-v", "error", "-y"}, args...), path)...)
	clips.made[name] = path
	return path
}

// tool runs a program and returns its output. Any text on standard error is a failure.
func tool(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, complaint, err := run(t, name, args...)
	require.NoError(t, err, "%s %v\n%s", name, args, complaint)
	require.Empty(t, complaint, "%s %v", name, args)
	return out
}

func run(t *testing.T, name string, args ...string) (stdout, stderr string, err error) {
	t.Helper()
	var out, complaint logBook
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Stdout, cmd.Stderr = &out, &complaint
	err = cmd.Run()
	return out.String(), complaint.String(), err
}

// eventually polls until a condition holds.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	require.Eventually(t, ok, patience, 20*time.Millisecond, what)
}
