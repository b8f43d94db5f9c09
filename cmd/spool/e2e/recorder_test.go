package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// recorder is a running spool.
type recorder struct {
	t     *testing.T
	dir   string // working directory
	files string // record directory
	api   string // http://host:port
	rtsp  string // rtsp://host:port
	book  *logBook
	cmd   *exec.Cmd
	done  chan error
	ended bool

	expected []string // parts of the warnings and errors that the test provokes
}

// anywhere holds the flags for free ports.
var anywhere = []string{"--http-listen", "127.0.0.1:0", "--rtsp-listen", "127.0.0.1:0", "--set", "ingest/webrtc/listen=127.0.0.1:0", "--set", "ingest/rtsp/udp={rtp: 0, rtcp: 0}"}

// serve starts the binary with the race detector in an empty directory. It drains the recorder
// at the end of the test.
func serve(t *testing.T, config string, args ...string) *recorder {
	t.Helper()
	return launch(t, racyBinary, t.TempDir(), config, args...)
}

// serveStatic does the same with the static binary.
func serveStatic(t *testing.T, config string, args ...string) *recorder {
	t.Helper()
	return launch(t, staticBinary, t.TempDir(), config, args...)
}

// launch starts a binary and waits until it is ready.
func launch(t *testing.T, binary func() (string, error), dir, config string, args ...string) *recorder {
	t.Helper()
	r := begin(t, binary, dir, config, args...)
	r.ready()
	return r
}

// begin starts a binary.
func begin(t *testing.T, binary func() (string, error), dir, config string, args ...string) *recorder {
	t.Helper()
	r := prepare(t, binary, dir, config, args...)
	r.run()
	return r
}

// killed holds the directories of killed recorders: a kill may truncate the last write to the
// journal, which the next recorder there reports.
var killed sync.Map

// prepare makes a recorder that run starts.
func prepare(t *testing.T, binary func() (string, error), dir, config string, args ...string) *recorder {
	t.Helper()
	path, err := binary()
	require.NoError(t, err)
	if config != "" {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "config.yaml"), []byte(config), 0o644))
	}
	r := &recorder{t: t, dir: dir, files: filepath.Join(dir, "recordings"), book: &logBook{}, done: make(chan error, 1)}
	if _, cut := killed.Load(dir); cut {
		r.expect("journal damaged")
	}
	r.cmd = exec.Command(path, append(slices.Clone(anywhere), args...)...)
	r.cmd.Dir, r.cmd.Stderr = dir, r.book
	r.cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "SPOOL_") }) // settings of another recorder
	return r
}

func (r *recorder) run() {
	r.t.Helper()
	require.NoError(r.t, r.cmd.Start())
	go func() { r.done <- r.cmd.Wait() }()
	r.t.Cleanup(r.end)
}

// ready waits until the recorder listens.
func (r *recorder) ready() {
	r.t.Helper()
	r.rtsp = "rtsp://" + r.await("rtsp server listens").text("address")
	r.api = r.await("spool is ready").text("api")
}

// expect names a warning or an error that does not fail the test.
func (r *recorder) expect(parts ...string) { r.expected = append(r.expected, parts...) }

// await waits for a line of the log whose message begins with msg, and whose further attributes,
// given in pairs, are equal.
func (r *recorder) await(msg string, attrs ...string) line {
	r.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for {
		if found := r.find(msg, attrs...); found != nil {
			return found
		}
		select {
		case <-poll.C:
			continue
		case err := <-r.done:
			r.ended = true
			if found := r.find(msg, attrs...); found != nil { // it was among the last lines
				return found
			}
			require.Fail(r.t, "spool ended", "%v, before log line %q %q", err, msg, attrs)
		case <-deadline.C:
			require.Fail(r.t, "no such log line", "%q %q", msg, attrs)
		}
	}
}

func (r *recorder) find(msg string, attrs ...string) line {
	for _, l := range r.book.lines() {
		if strings.HasPrefix(l.text("msg"), msg) && l.has(attrs) {
			return l
		}
	}
	return nil
}

func (l line) has(attrs []string) bool {
	for i := 0; i < len(attrs); i += 2 {
		if l.text(attrs[i]) != attrs[i+1] {
			return false
		}
	}
	return true
}

// end drains the recorder, unless the test has ended it, and checks its log and its files.
func (r *recorder) end() {
	r.t.Helper()
	defer func() {
		if r.t.Failed() {
			r.t.Log(r.book)
		}
	}()
	if !r.ended {
		require.Equal(r.t, 0, r.signal(syscall.SIGINT))
		r.allFinished()
	}
	r.logIsClean()
}

// signal sends a signal and waits for the exit code, which is negative after a kill.
func (r *recorder) signal(s syscall.Signal) int {
	r.t.Helper()
	if s == syscall.SIGKILL {
		killed.Store(r.dir, true)
	}
	require.NoError(r.t, r.cmd.Process.Signal(s))
	return r.exit()
}

func (r *recorder) exit() int {
	r.t.Helper()
	if r.ended { // await has noticed the end
		return r.cmd.ProcessState.ExitCode()
	}
	r.ended = true
	select {
	case err := <-r.done:
		var exit *exec.ExitError
		if err != nil && !errors.As(err, &exit) {
			require.NoError(r.t, err)
		}
		return r.cmd.ProcessState.ExitCode()
	case <-time.After(patience):
		_ = r.cmd.Process.Signal(syscall.SIGQUIT) // writes all stacks to the log
		<-r.done
		require.Fail(r.t, "spool does not end")
		return -1
	}
}

func (r *recorder) logIsClean() {
	r.t.Helper()
	for _, l := range r.book.lines() {
		if level := l.text("level"); level == "INFO" || level == "DEBUG" {
			continue
		}
		known := slices.ContainsFunc(r.expected, func(part string) bool { return strings.Contains(fmt.Sprint(l), part) })
		if !known {
			r.t.Errorf("unexpected in the log: %v", l)
		}
	}
}

// allFinished requires that no file grows.
func (r *recorder) allFinished() {
	r.t.Helper()
	require.Empty(r.t, r.list(".mp4.part"), "files were not finished")
}

// list returns the files with a suffix, by name, with their whole path. The recorder may remove an empty
// directory meanwhile.
func (r *recorder) list(suffix string) (out []string) {
	require.NoError(r.t, filepath.WalkDir(r.files, func(path string, _ os.DirEntry, err error) error {
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return nil
		case err == nil && strings.HasSuffix(path, suffix):
			out = append(out, path)
		}
		return err
	}))
	return out
}

func (r *recorder) path(name string) string { return filepath.Join(r.files, filepath.FromSlash(name)) }

// descriptors returns how many files the process has open.
func (r *recorder) descriptors() int {
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", r.cmd.Process.Pid))
	require.NoError(r.t, err)
	return len(entries)
}
