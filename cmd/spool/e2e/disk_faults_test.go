package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// mounting runs mount, umount or another command on disks as root or through sudo, and returns
// its output.
func mounting(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	if os.Geteuid() != 0 {
		cmd = exec.Command("sudo", append([]string{"-n", name}, args...)...)
	}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "a filesystem is mounted here: run as root, or allow sudo\n%s", out)
	return string(out)
}

// memoryDisk mounts a file system in memory for the test.
func memoryDisk(t *testing.T, size string) string {
	t.Helper()
	dir := t.TempDir()
	mounting(t, "mount", "-t", "tmpfs", "-o", "mode=0755,size="+size, "tmpfs", dir)
	t.Cleanup(func() { mounting(t, "umount", "-l", dir) })
	return dir
}

// boundDisk is a memoryDisk that is bind-mounted at another directory, from which the test can
// unmount it.
func boundDisk(t *testing.T, size string) (disk, dir string) {
	t.Helper()
	disk, dir = memoryDisk(t, size), t.TempDir()
	mounting(t, "mount", "--bind", disk, dir)
	t.Cleanup(func() { mounting(t, "umount", "-l", dir) })
	return disk, dir
}

const faultyDiskConfig = `
mp4: {max_duration: 2, filename_pattern: "{stream_path}/{timestamp}_{ms}.mp4"}
streams:
  live/a: {pull: "testpattern://?size=320x180&fps=25&gop=25&bitrate=8M"}
  live/b: {pull: "testpattern://?size=320x180&fps=25&gop=25&bitrate=8M"}
pipelines:
  default:
    record: always
    stages: [source: {}, gop_ring: {}, segmenter: {max_duration: 2}, mp4: {}, metadata: {}]
`

// recordOn records two streams to an existing directory.
func recordOn(t *testing.T, dir, config string) *recorder {
	t.Helper()
	r := launch(t, staticBinary, t.TempDir(), config, "--record-path", dir)
	r.files = dir
	return r
}

// goesOn waits until both streams have written media that arrived after a moment.
func (r *recorder) goesOn(since time.Time) {
	r.t.Helper()
	for _, stream := range []string{"live/a", "live/b"} {
		eventually(r.t, stream+" is recorded again\n"+r.book.String(), func() bool {
			s := r.status(stream)
			return s.Recording && s.LastWritten.After(since)
		})
	}
}

// drained ends the recorder and requires that every file plays.
func (r *recorder) drained() {
	r.t.Helper()
	require.Equal(r.t, 0, r.signal(syscall.SIGINT), "%s", r.book)
	files := r.list(".mp4")
	require.NotEmpty(r.t, files)
	for _, f := range files {
		decodes(r.t, f)
	}
}

// On a full disk the recorded media is finished and plays, the log names a remedy, and recording
// continues without a restart when there is space.
func TestFullDiskIsSurvived(t *testing.T) {
	t.Parallel()
	dir := memoryDisk(t, "24m")
	ballast := filepath.Join(dir, "ballast")
	require.NoError(t, os.WriteFile(ballast, make([]byte, 14<<20), 0o600))
	r := recordOn(t, dir, faultyDiskConfig)
	r.expect("disk is full", "sample index", "media is missing", "journal", "catalogue", "database")
	for _, stream := range []string{"live/a", "live/b"} {
		eventually(t, stream+" reports that the disk is full\n"+r.book.String(), func() bool {
			return strings.Contains(r.status(stream).LastError, "disk is full")
		})
	}
	code, body := r.ask("GET", "/mp4/status/live/a")
	require.Equal(t, 200, code)
	require.NotContains(t, string(body), dir, "a path of the machine")
	require.NoError(t, os.Remove(ballast))
	freed := time.Now()
	r.goesOn(freed)
	r.drained()
	require.Empty(t, r.list(".mp4.part"), "what was written before is finished too")
}

// A disk is unmounted, and another one is in its place. The recorder writes nothing to that, and
// recording continues when the disk is back.
func TestUnmountedDiskIsNotReplaced(t *testing.T) {
	t.Parallel()
	disk, dir := boundDisk(t, "256m")
	r := recordOn(t, dir, faultyDiskConfig)
	r.expect("leads elsewhere", "sample index", "not the one it was", "media is missing", "journal", "catalogue", "database")
	r.goesOn(time.Now())

	refused := func(what string) {
		t.Helper()
		for _, stream := range []string{"live/a", "live/b"} {
			eventually(t, what+": "+stream+" is refused\n"+r.book.String(), func() bool {
				s := r.status(stream)
				return !s.Recording && strings.Contains(s.LastError, "not the one it was")
			})
		}
		require.Empty(t, r.list(".mp4"), what)
		require.Empty(t, r.list(".mp4.part"), what)
	}
	mounting(t, "umount", "-l", dir)
	refused("unmounted")
	mounting(t, "mount", "-t", "tmpfs", "-o", "mode=0755,size=64m", "tmpfs", dir)
	refused("another disk")
	mounting(t, "umount", "-l", dir)
	mounting(t, "mount", "--bind", disk, dir)
	r.goesOn(time.Now())
	r.drained()
}
