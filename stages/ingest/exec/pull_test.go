package exec

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/hub"
)

// A command writes MPEG-TS, or a byte stream: each picture reaches the hub.
func TestACommandIsRecorded(t *testing.T) {
	for name, c := range map[string]struct {
		encode []string
		file   string
		format string
	}{
		"ts":   {[]string{"-c:v", "libx264", "-bf", "2"}, "a.ts", "mpegts"},
		"h264": {[]string{"-c:v", "libx264", "-bf", "0"}, "a.h264", "h264"},
		"h265": {[]string{"-c:v", "libx265", "-x265-params", "log-level=none:bframes=0"}, "a.h265", "hevc"},
	} {
		t.Run(name, func(t *testing.T) {
			file := clip(t, c.file, append(c.encode, "-f", c.format)...)
			f := pull(t, fmt.Sprintf("exec:ffmpeg -v error -re -i '%s' -c copy -f %s -", file, c.format))
			require.Eventually(t, func() bool { return f.info().PullFailed > 0 }, patience, time.Millisecond)
			info := f.info()
			require.Equal(t, uint64(75), info.AccessUnits, "%+v", info)
			require.Empty(t, info.Losses)
			require.Contains(t, info.LastError, "the command has ended")
		})
	}
}

// A command that ends is run again, and its last words are in the error, without the password in them.
func TestTheErrorOfACommandNamesItsLastWords(t *testing.T) {
	f := pull(t, `exec:sh -c 'echo first >&2; echo "rtsp://u:c4n4ry@10.0.0.1/x: no route" >&2; exit 3'`)
	f.fails(`exit status 3: it wrote "rtsp://10.0.0.1/`)
	require.NotContains(t, f.info().LastError, "c4n4ry")
	require.Eventually(t, func() bool { return f.info().PullFailed > 1 }, patience, time.Millisecond, "it is run again")
	require.NotContains(t, f.book.String(), "c4n4ry")
	require.Equal(t, "exec:…", f.info().Pull)
}

func TestCommandsThatWriteNoStream(t *testing.T) {
	for command, want := range map[string]string{
		"/nowhere/at/all":           "cannot be started",
		"echo hello world":          "neither MPEG-TS nor",
		"sh -c 'printf \"\\0\\0\"'": "the command has ended",
		"true":                      "the command has ended",
	} {
		pull(t, "exec:"+command).fails(want)
	}
}

// A command that complains without end takes no memory, and is recorded.
func TestACommandThatFloodsItsStandardError(t *testing.T) {
	file := clip(t, "a.ts", "-c:v", "libx264", "-f", "mpegts")
	script := write(t, "flood.sh", fmt.Sprintf("#!/bin/sh\nyes 'a complaint' | head -n 2000000 >&2\nexec cat '%s'\n", file))
	f := pull(t, "exec:"+script)
	f.fails(`it wrote "a complaint"`)
	require.Equal(t, uint64(75), f.info().AccessUnits)
	require.Less(t, len(f.info().LastError), 1000)
}

// The processes of a command end with the pull: those that ignore SIGTERM, and those that the command has left.
func TestAllProcessesOfACommandEnd(t *testing.T) {
	const stubborn = "sh -c 'trap \"\" TERM; echo $$ >> pids; while :; do sleep 1; done'"
	for name, c := range map[string]struct {
		body      string
		processes int
		ends      bool // the command, but not its children, which keep its output open
	}{
		"ignores SIGTERM": {"exec " + stubborn + "\n", 1, false},
		"has children":    {"echo $$ >> pids\n" + stubborn + " &\nsleep 1000 & echo $! >> pids\nwait\n", 3, false},
		"leaves children": {stubborn + " &\nsleep 1000 & echo $! >> pids\nwhile [ $(wc -l < pids) -lt 2 ]; do sleep 0.01; done\n", 2, true},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			f := newPull(t, "exec:"+write(t, "run.sh", "#!/bin/sh\ncd '"+dir+"'\n"+c.body), func(s *hub.StreamConfig) {
				if c.ends {
					s.ReadTimeout = time.Second
				}
			})
			require.Eventually(t, func() bool { return len(pids(dir)) >= c.processes }, patience, time.Millisecond)
			if c.ends {
				f.fails("the command writes nothing")
			}
			f.sub.Close()
			f.hub.Forget(path)
			for _, pid := range pids(dir) {
				require.Eventually(t, func() bool { return gone(pid) }, patience, time.Millisecond, "process %d", pid)
			}
		})
	}
}

func pids(dir string) (out []int) {
	b, _ := os.ReadFile(filepath.Join(dir, "pids"))
	for _, word := range strings.Fields(string(b)) {
		pid, _ := strconv.Atoi(word)
		out = append(out, pid)
	}
	return out
}

// gone reports whether a process has ended. A zombie counts as ended, because its new parent may never reap it.
func gone(pid int) bool {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return syscall.Kill(pid, 0) != nil
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.HasPrefix(rest, "Z")
}

// A command that hangs is ended after the time without data.
// A command ends when the program stops, though no task begins any more.
func TestACommandEndsWithTheProgram(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	f := pull(t, "exec:sh -c 'echo $$ > "+pid+"; exec sleep 1000'")
	var process int
	require.Eventually(t, func() bool {
		text, _ := os.ReadFile(pid)
		process, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return process > 0
	}, patience, time.Millisecond)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	require.NoError(t, f.tasks.Stop(ctx))
	require.ErrorIs(t, syscall.Kill(process, 0), syscall.ESRCH)
}

func TestACommandThatIsSilent(t *testing.T) {
	file := clip(t, "a.ts", "-c:v", "libx264", "-f", "mpegts")
	for name, c := range map[string]struct{ script, want string }{
		"at once":  {"exec sleep 1000", "the command writes nothing"},
		"later":    {"cat '" + file + "'; exec sleep 1000", "the command writes nothing"},
		"no media": {"while :; do printf 'G%0187d' 1; sleep 0.05; done", "no stream that can be recorded"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newPull(t, "exec:"+write(t, "run.sh", "#!/bin/sh\n"+c.script+"\n"), func(s *hub.StreamConfig) { s.ReadTimeout = time.Second })
			f.fails(c.want)
		})
	}
}

// The environment may hold passwords; a command gets the path of its stream.
func TestTheEnvironmentOfACommand(t *testing.T) {
	t.Setenv("SPOOL_DATABASE__DSN", "c4n4ry")
	out := filepath.Join(t.TempDir(), "out")
	f := pull(t, "exec:sh -c 'env > "+out+"; echo {stream} >> "+out+"'")
	f.fails("the command has ended")
	b, err := os.ReadFile(out)
	require.NoError(t, err)
	require.NotContains(t, string(b), "c4n4ry")
	require.Contains(t, string(b), "SPOOL_STREAM=live/a\n")
	require.Contains(t, string(b), "\nlive/a\n")
}

func TestPullsThatAreWrong(t *testing.T) {
	for text, want := range map[string]string{
		"exec:": "names no command", "exec: ": "names no command", "exec:a 'b": "quote", `exec:a "b`: "quote", `exec:a \`: "backslash", "exec:''": "names no command",
	} {
		_, err := hub.NewPuller(text, hub.PullOptions{})
		require.ErrorContains(t, err, want, text)
	}
	_, err := hub.NewPuller("exec:a", hub.PullOptions{Transport: "tcp"})
	require.ErrorContains(t, err, "transport")
}
