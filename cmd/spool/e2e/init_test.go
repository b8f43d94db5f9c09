package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
)

// asInit makes a recorder the parent of orphans, like the first process of a container.
func (r *recorder) asInit() {
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER
		attr.UidMappings = []syscall.SysProcIDMap{{HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{HostID: os.Getegid(), Size: 1}}
	}
	r.cmd.SysProcAttr = attr
}

// children lists the processes below one, including zombies.
func children(t *testing.T, pid int) (all []int) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	require.NoError(t, err)
	for _, path := range stats {
		text, err := os.ReadFile(path)
		if err != nil { // it ended
			continue
		}
		name := strings.LastIndexByte(string(text), ')')
		fields := strings.Fields(string(text[name+1:]))
		if parent, _ := strconv.Atoi(fields[1]); parent != pid {
			continue
		}
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		require.NoError(t, err)
		all = append(all, child)
	}
	return all
}

// Commands of exec leave orphans, for which only process 1 of a container can wait. None stays
// as a zombie, the commands' own ends are noticed, and the signal that ends the container
// finishes the recording.
func TestProcessOneWaitsForOrphans(t *testing.T) {
	t.Parallel()
	ran := filepath.Join(t.TempDir(), "ran")
	r := prepare(t, staticBinary, t.TempDir(), fmt.Sprintf(`
flush_interval: 0.1
mp4: {filename_pattern: "{stream}_{timestamp}_{ms}.mp4"}
streams: {live/a: {pull: "testpattern://?size=64x64&fps=20&gop=4"}, live/b: {pull: "testpattern://?size=64x64&fps=20&gop=4"}}
pipelines:
  default:
    record: always
    stages:
      - source
      - gop_ring
      - segmenter: {max_duration: 0.4}
      - mp4
      - exec: {command: [/bin/sh, -c, 'for i in 1 2 3 4 5 6 7 8 9 10; do sleep 0.05 & done; echo x >> "$0"; echo done; exit 3', %q]}
      - metadata
`, ran))
	r.asInit()
	r.run()
	r.ready()
	r.expect("command failed")
	eventually(t, "twenty commands ran", func() bool {
		text, _ := os.ReadFile(ran)
		return len(text) >= 2*20
	})
	failed := r.await("command failed")
	require.Equal(t, "exit status 3", failed.text("error"))
	require.Equal(t, "done\n", failed.text("output"))
	for _, stream := range []string{"live/a", "live/b"} {
		resp, body := r.send("POST", "/mp4/stop/"+stream, "")
		require.Equal(t, 200, resp.StatusCode, body)
	}
	eventually(t, "the command of each file ran", func() bool { // or one that waits would begin after the next look
		files, _ := filepath.Glob(filepath.Join(r.files, "*.mp4"))
		text, _ := os.ReadFile(ran)
		return len(text) == 2*len(files)
	})
	eventually(t, "no orphan is left, and no zombie", func() bool {
		init := children(t, r.cmd.Process.Pid)
		if len(init) != 1 {
			return false
		}
		below := children(t, init[0])
		return len(below) == 0
	})
	require.Equal(t, 0, r.signal(syscall.SIGTERM))
	r.await("drained: every file is finished")
}

// When the recorder below process 1 is killed, the container ends with that status.
func TestProcessOneExitsWithTheRecordersStatus(t *testing.T) {
	t.Parallel()
	r := prepare(t, staticBinary, t.TempDir(), "")
	r.asInit()
	r.run()
	r.ready()
	below := children(t, r.cmd.Process.Pid)
	require.Len(t, below, 1)
	require.NoError(t, syscall.Kill(below[0], syscall.SIGKILL))
	require.Equal(t, 128+int(syscall.SIGKILL), r.exit())

	r = prepare(t, staticBinary, t.TempDir(), "mistake: 1\n")
	r.asInit()
	r.ended = true // it does not record
	require.Error(t, r.cmd.Run())
	require.Equal(t, 2, r.cmd.ProcessState.ExitCode())
}
