package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// call is one system call of a traced recorder.
type call struct {
	name string // fsync, fdatasync, write ...; rename for all forms of it
	path string // of its file or directory; of rename, the old base name
	text string
	at   float64 // start in seconds
}

var (
	onFile  = regexp.MustCompile(`^\d+ +([\d.]+) +(\w+)\(\d+<([^>]*)>`)
	renames = regexp.MustCompile(`^\d+ +([\d.]+) +rename\w*\(.*?"([^"]*)"`)
)

// traced runs a recorder and writes its system calls on files to a trace.
func traced(t *testing.T, config string) (r *recorder, came func(*regexp.Regexp) bool, calls func() []call) {
	t.Helper()
	path, err := staticBinary()
	require.NoError(t, err)
	strace, err := exec.LookPath("strace")
	require.NoError(t, err, "it is in .ci/deps")
	out := filepath.Join(t.TempDir(), "calls")
	r = prepare(t, staticBinary, t.TempDir(), config)
	// -D: the started process is the recorder.
	r.cmd.Args = append([]string{strace, "-D", "-f", "--seccomp-bpf", "-q", "-y", "-ttt", "-s", "256", "-o", out,
		"-e", "trace=fsync,fdatasync,write,pwrite64,pwritev,rename,renameat,renameat2,linkat"}, append([]string{path}, r.cmd.Args[1:]...)...)
	r.cmd.Path = strace
	r.run()
	r.ready()
	came = func(what *regexp.Regexp) bool {
		text, err := os.ReadFile(out)
		return err == nil && what.Match(text)
	}
	return r, came, func() []call {
		var text []byte
		exited := regexp.MustCompile(fmt.Sprintf(`(?m)^%d +[\d.]+ +\+\+\+ exited with`, r.cmd.Process.Pid))
		eventually(t, "the trace is whole", func() bool {
			text, err = os.ReadFile(out)
			return err == nil && exited.Match(text)
		})
		var list []call
		for _, line := range strings.Split(string(text), "\n") {
			if m := renames.FindStringSubmatch(line); m != nil {
				list = append(list, call{"rename", filepath.Base(m[2]), line, instant(t, m[1])})
			} else if m := onFile.FindStringSubmatch(line); m != nil {
				list = append(list, call{m[2], m[3], line, instant(t, m[1])})
			}
		}
		return list
	}
}

func instant(t *testing.T, text string) float64 {
	t.Helper()
	at, err := strconv.ParseFloat(text, 64)
	require.NoError(t, err)
	return at
}

// keepsTheInterval requires that a file's chunks are synced once a second, whether they are
// written in two parts, as a camera sends them, or later and all at once.
func keepsTheInterval(t *testing.T, own []call, file string) {
	t.Helper()
	var first, last float64 // chunk except the header
	syncs := 0
	for _, c := range own[1:] {
		switch c.name {
		case "pwritev":
			if last = c.at; first == 0 {
				first = c.at
			}
		case "fdatasync":
			syncs++
		}
	}
	const begins, wakes = 1, 0.8 // the file may begin long before its first chunk; a process may wake late
	require.LessOrEqual(t, float64(syncs), last-own[0].at+begins+1, "%s: %v", file, own)
	if last-first > 1+wakes {
		require.Positive(t, syncs, "%s: %v", file, own)
	}
}

// of returns the calls on a path, and the renames of it.
func of(calls []call, path string) (out []call) {
	for _, c := range calls {
		if c.path == path || c.name == "rename" && c.path == filepath.Base(path) {
			out = append(out, c)
		}
	}
	return out
}

func times(calls []call, name string) (n int) {
	for _, c := range calls {
		if c.name == name {
			n++
		}
	}
	return n
}

// TestEveryPromisedSyncIsASystemCall traces the system calls of each promised sync from
// outside the program. A simulated disk replaces the real calls and would not notice a sync
// without effect.
func TestEveryPromisedSyncIsASystemCall(t *testing.T) {
	t.Parallel()
	h := startHook(t)
	stages := func(sync string) string {
		return "{streams: ['**'], record: always, stages: [source, gop_ring, segmenter: {max_duration: 2}, mp4: {sync: " + sync +
			", sync_interval: 1s, filename_pattern: '" + sync + "/" + sync + "_{timestamp}_{ms}.mp4'}, exec: {command: ['true']}, webhook: {url: '" + h.URL + "', notify: [finished]}, metadata]}"
	}
	r, came, calls := traced(t, `
flush_interval: 0.2
streams: {live/a: {pull: "testpattern://?size=64x64&fps=20&gop=4"}}
pipelines:
  chunk: `+stages("chunk")+`
  interval: `+stages("interval")+`
  segment: `+stages("segment")+`
  none: `+stages("none")+"\n")
	policies := []string{"chunk", "interval", "segment", "none"}
	for _, sync := range policies {
		eventually(t, "files with "+sync, func() bool {
			files, err := filepath.Glob(filepath.Join(r.files, sync, "*.mp4"))
			require.NoError(t, err)
			return len(files) >= 2
		})
	}
	// A late machine writes the chunks of a file at once: no chunk then reaches the age of the
	// interval.
	eventually(t, "a file is synced at its interval", func() bool { return came(regexp.MustCompile(`fdatasync\([^\n]*/interval/interval_`)) })
	require.Equal(t, 0, r.signal(syscall.SIGTERM))
	all := calls()
	for _, sync := range policies {
		dir := filepath.Join(r.files, sync)
		files, err := filepath.Glob(filepath.Join(dir, "*.mp4"))
		require.NoError(t, err)
		for _, file := range files[:2] { // a third one may be short
			part := file + ".part"
			own := of(all, part)
			chunks := times(own, "pwritev") - 1 // one write is the header
			require.Greater(t, chunks, 5, "%s: %v", file, own)
			synced, finished := times(own, "fdatasync"), times(own, "fsync")
			switch sync {
			case "chunk":
				require.Equal(t, chunks, synced, "each chunk is synced: %s", file)
			case "interval":
				keepsTheInterval(t, own, file)
			default:
				require.Zero(t, synced, file)
			}
			if sync == "none" {
				require.Zero(t, finished, file)
				continue
			}
			require.Equal(t, []string{"fsync", "pwrite64", "fsync", "rename"}, last(own, 4), "the content, the flip, the name: %s", file)
			begun := between(all, func(c call) bool { return c.path == part }, func(c call) bool { return c.path == part && c.name == "pwritev" && c.text != own[0].text })
			require.Positive(t, times(of(begun, dir), "fsync"), "the name of a file that grows is synced before a chunk is: %s", file)
			named := between(all, func(c call) bool { return c.name == "rename" && c.path == filepath.Base(part) }, func(c call) bool { return false })
			require.Positive(t, times(of(named, dir), "fsync"), "so is the name of the finished one: %s", file)
		}
	}
	r.storesAreSynced(all)
}

// storesAreSynced checks the syncs of the files beside the recordings.
func (r *recorder) storesAreSynced(all []call) {
	r.t.Helper()
	written := map[string]bool{}
	for _, c := range all {
		if (c.name == "write" || c.name == "pwrite64") && strings.HasPrefix(c.path, r.files) {
			written[c.path] = true
		}
	}
	seen := map[string]int{}
	for path := range written {
		own, dir := of(all, path), filepath.Dir(path)
		switch filepath.Base(dir) {
		case ".spool-journal":
			if strings.HasSuffix(path, ".journal") {
				require.Equal(r.t, times(own, "write")-1, times(own, "fdatasync"), "each write of the journal but that of its head: %s", path)
				require.Positive(r.t, times(of(all, dir), "fsync"), "the journal's directory")
				seen["journal"]++
			}
		case ".spool-notices", ".spool-commands":
			if times(own, "rename") == 0 { // reserved space, which holds nothing
				continue
			}
			require.Equal(r.t, []string{"pwrite64", "fsync", "rename"}, last(own, 3), path)
			seen[filepath.Base(dir)]++
		}
	}
	for _, dir := range []string{".spool-notices", ".spool-commands"} {
		require.Positive(r.t, seen[dir], dir)
		require.GreaterOrEqual(r.t, times(of(all, filepath.Join(r.files, dir)), "fsync"), seen[dir], "each name in %s is synced", dir)
	}
	require.Positive(r.t, seen["journal"])
}

// last returns the names of the last n calls.
func last(calls []call, n int) (names []string) {
	for _, c := range calls[max(len(calls)-n, 0):] {
		names = append(names, c.name)
	}
	return names
}

// between returns the calls after the first one for which begins is true, up to the one for
// which ends is true.
func between(calls []call, begins, ends func(call) bool) (out []call) {
	inside := false
	for _, c := range calls {
		switch {
		case !inside:
			inside = begins(c)
		case ends(c):
			return out
		default:
			out = append(out, c)
		}
	}
	return out
}
