package e2e

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// takeInodes makes files until the file system has no free inode, although it has space, and
// takes each inode that is freed. give removes all its files.
func takeInodes(t *testing.T, dir string) (give func()) {
	t.Helper()
	taken := filepath.Join(dir, "taken")
	require.NoError(t, os.Mkdir(taken, 0o777))
	full, stop, stopped := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		filled := sync.OnceFunc(func() { close(full) })
		for i := 0; ; i++ {
			f, err := os.Create(filepath.Join(taken, fmt.Sprint(i)))
			if err == nil {
				err = f.Close()
			} else if errors.Is(err, unix.ENOSPC) {
				filled()
				err = nil
				time.Sleep(time.Millisecond)
			}
			select {
			case <-stop:
				stopped <- err
				return
			default:
			}
		}
	}()
	<-full
	return sync.OnceFunc(func() {
		close(stop)
		require.NoError(t, <-stopped)
		require.NoError(t, os.RemoveAll(taken))
	})
}

// Readiness, health and the metric report before the first recording that none can be written,
// and report when that is over.
func TestReadinessReportsBeforeTheFirstRecordingWhetherItCanBeWritten(t *testing.T) {
	t.Parallel()
	disk, dir := boundDisk(t, "64m,nr_inodes=100")
	r := launch(t, staticBinary, t.TempDir(), "streams: {}\n", "--record-path", dir) // the demo would fill the disk, too
	r.files = dir
	r.expect("recordings cannot be written", "catalogue", "could not be compared", "retention failed", "recover", "upkeep")
	r.well()
	require.EqualValues(t, 1, r.metric("spool_writable"))
	var limits unix.Rlimit
	var give func()
	troubles := []struct {
		problem       string
		happens, over func()
	}{
		{"no_inodes", func() { give = takeInodes(t, dir) }, func() { give() }},
		{"disk_full", func() {
			require.NoError(t, os.WriteFile(filepath.Join(dir, "filler"), make([]byte, 64<<20-1<<20), 0o600))
		},
			func() { require.NoError(t, os.Remove(filepath.Join(dir, "filler"))) }},
		{"disk_read_only", func() { mounting(t, "mount", "-o", "bind,ro", disk, dir) }, func() { mounting(t, "umount", dir) }},
		{"disk_away", func() { mounting(t, "mount", "-t", "tmpfs", "-o", "mode=0755,size=64m", "tmpfs", dir) }, func() { mounting(t, "umount", dir) }},
		{"disk_away", func() { mounting(t, "umount", "-l", dir) }, func() { mounting(t, "mount", "--bind", disk, dir) }},
		{"too_many_open_files", func() {
			require.NoError(t, unix.Prlimit(r.cmd.Process.Pid, unix.RLIMIT_NOFILE, nil, &limits))
			most := uint64(r.descriptors() + 3) // the request needs one
			require.NoError(t, unix.Prlimit(r.cmd.Process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: most, Max: limits.Max}, nil))
		}, func() { require.NoError(t, unix.Prlimit(r.cmd.Process.Pid, unix.RLIMIT_NOFILE, &limits, nil)) }},
	}
	for _, c := range troubles {
		c.happens()
		eventually(t, "readiness reports "+c.problem, func() bool {
			code, body := r.ask("GET", "/readyz")
			return code == 503 && strings.Contains(string(body), c.problem+": ")
		})
		h := answer[health](r, "GET", "/mp4/health")
		require.Equal(t, "failing", h.Status)
		require.Equal(t, c.problem, h.Problems[0].Problem)
		require.NotEmpty(t, h.Problems[0].Remedy)
		require.NotContains(t, h.Problems[0].Cause, dir)
		require.Zero(t, r.metric("spool_writable"))
		require.EqualValues(t, 1, r.metric(fmt.Sprintf(`spool_problem{problem=%q,stream=""}`, c.problem)))
		c.over()
		r.well()
		require.EqualValues(t, 1, r.metric("spool_writable"))
	}
	require.NoFileExists(t, filepath.Join(dir, ".spool-probe"))
	require.Equal(t, 0, r.signal(syscall.SIGINT))
}

// When another program deletes a growing file, the recording's row is marked as lost and does
// not stay in the state recording.
func TestADeletedGrowingFileIsLost(t *testing.T) {
	t.Parallel()
	r := launch(t, staticBinary, t.TempDir(), faultyDiskConfig)
	r.expect("another program deleted")
	var growing record
	eventually(t, "the row of the growing file is marked as lost", func() bool {
		for _, rec := range r.records("live/a") {
			switch {
			case rec.State == "recording" && growing.Start.IsZero():
				growing = rec
				require.NoError(t, os.RemoveAll(filepath.Join(r.files, "live")))
			case rec.Start.Equal(growing.Start) && rec.State == "finished": // the next file: this one was finished just before
				growing = record{}
			case rec.Start.Equal(growing.Start) && rec.State == "lost":
				return true
			}
		}
		return false
	})
	eventually(t, "recording goes on", func() bool { return len(r.names(".mp4")) > 0 })
	require.Equal(t, "ok", answer[health](r, "GET", "/mp4/health").Status)
}

// The recorder reports a disk that hangs and answers requests meanwhile: it reads the state from
// the tasks that wait for the disk.
func TestADiskThatHangsIsReported(t *testing.T) {
	t.Parallel()
	d := newRealDisk(t, "64M")
	r := d.record("")
	r.expect("recordings cannot be written", "catalogue", "journal", "database")
	r.well()
	d.stop()
	running := sync.OnceFunc(d.goOn)
	defer running() // otherwise it cannot be unmounted
	eventually(t, "readiness reports that the disk hangs", func() bool {
		code, body := r.ask("GET", "/readyz")
		return code == 503 && strings.Contains(string(body), "disk_hangs: ")
	})
	require.Equal(t, "disk_hangs", answer[health](r, "GET", "/mp4/health").Problems[0].Problem)
	require.Zero(t, r.metric("spool_writable"))
	running()
	r.well()
}
