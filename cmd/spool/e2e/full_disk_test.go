package e2e

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/sinks/metadata/dbtest"
)

// health is the response of GET /mp4/health.
type health struct {
	Status   string
	Problems []struct {
		Problem, Stream, Cause, Remedy string
		Since                          time.Time
	}
}

// toldConfig records one stream in short files, and delivers each file to a webhook and a
// command.
func toldConfig(h *hook, ran string) string {
	return fmt.Sprintf(`
mp4: {filename_pattern: "{stream_path}/{timestamp}_{ms}.mp4"}
streams:
  live/a: {pull: "testpattern://?size=320x180&fps=25&gop=50&bitrate=8M"}
pipelines:
  default:
    record: always
    stages:
      - source
      - gop_ring
      - segmenter: {max_duration: 3}
      - mp4
      - exec: {command: [/bin/sh, -c, 'echo "$0" >> %s', "{file}"]}
      - webhook: {url: %q, notify: [finished]}
      - metadata
`, ran, h.URL)
}

// writesNothing waits until health and readyz report that nothing can be written, with the
// reason and the same begin twice.
func (r *recorder) writesNothing(problem string) {
	r.t.Helper()
	var since time.Time
	eventually(r.t, "health reports "+problem+"\n"+r.book.String(), func() bool {
		for _, p := range answer[health](r, "GET", "/mp4/health").Problems {
			if p.Problem == problem && p.Stream == "live/a" {
				since = p.Since
				require.NotEmpty(r.t, p.Remedy)
				require.NotContains(r.t, p.Cause, r.files)
			}
		}
		return !since.IsZero()
	})
	why := ""
	defer func() {
		if r.t.Failed() {
			r.t.Log(why)
		}
	}()
	eventually(r.t, "all report it between two attempts", func() bool {
		code, ready := r.ask("GET", "/readyz")
		h := answer[health](r, "GET", "/mp4/health")
		state := r.status("live/a").State
		_, metrics := r.ask("GET", "/metrics")
		why = fmt.Sprintf("%d %s, %+v, %s", code, ready, h, state)
		return code == 503 && strings.Contains(string(ready), problem) &&
			h.Status == "failing" && len(h.Problems) > 0 && h.Problems[0].Since.Equal(since) && state == "backoff" &&
			strings.Contains(string(metrics), fmt.Sprintf("spool_problem{problem=%q,stream=\"live/a\"} 1\n", problem))
	})
}

// well waits until there is no problem.
func (r *recorder) well() {
	r.t.Helper()
	eventually(r.t, "nothing is wrong any more\n"+r.book.String(), func() bool {
		code, _ := r.ask("GET", "/readyz")
		return code == 200 && answer[health](r, "GET", "/mp4/health").Status == "ok"
	})
}

// agrees waits until rows, files and deliveries agree. Each file has exactly one row, with an
// end and a length, and can be fetched. Where media is missing, the next row names its duration
// and cause.
func (r *recorder) agrees(h *hook, ran, cause string) {
	r.t.Helper()
	r.settles(h, ran)
	recs := r.records("live/a")
	gaps := 0
	for i, rec := range recs {
		if rec.State != "recording" {
			require.Positive(r.t, rec.Duration, rec.File)
			require.NotEmpty(r.t, rec.EndReason, rec.File)
			code, _ := r.ask("GET", "/mp4/vod/"+rec.File)
			require.Equal(r.t, 200, code, rec.File)
		}
		if i == 0 {
			continue
		}
		missing := rec.Start.Sub(recs[i-1].End).Seconds()
		if missing < 0.5 && rec.Gap == nil {
			continue
		}
		require.NotNil(r.t, rec.Gap, "%.1f s are missing before %s", missing, rec.File)
		require.Equal(r.t, cause, rec.Gap.Cause, rec.File)
		require.InDelta(r.t, missing, rec.Gap.Seconds, 1.1, rec.File) // recovery may find a second more in the file before
		gaps++
	}
	require.Positive(r.t, gaps, "something is missing")
}

// settles waits until each finished file has its row and was delivered once.
func (r *recorder) settles(h *hook, ran string) {
	r.t.Helper()
	why := ""
	defer func() {
		if r.t.Failed() {
			r.t.Log(why)
		}
	}()
	eventually(r.t, "rows, files and notices agree", func() bool {
		want := map[string]bool{}
		for _, rec := range r.records("live/a") {
			if rec.State == "recording" {
				continue
			}
			want[rec.File] = true
		}
		text, _ := os.ReadFile(ran)
		for _, list := range [][]string{h.finishedFiles(), strings.Fields(string(text)), r.names(".mp4")} {
			seen := map[string]int{}
			for _, name := range list {
				seen[name]++
			}
			for name := range want {
				if seen[name] != 1 {
					why = fmt.Sprintf("%s: %d times", name, seen[name])
					return false
				}
			}
		}
		why = fmt.Sprintf("rows %v, files %v", want, r.names(".mp4"))
		return len(r.names(".mp4")) == len(want)
	})
}

// names returns the files below the record directory.
func (r *recorder) names(suffix string) (out []string) {
	for _, file := range r.list(suffix) {
		name, err := filepath.Rel(r.files, file)
		require.NoError(r.t, err)
		out = append(out, name)
	}
	return out
}

// TestAFullDiskIsReportedCorrectlyThroughout fills the disk with recordings, journal and database to the
// last byte. It checks the reports of the program before, during, after a kill, and after a
// deletion has freed space.
func TestAFullDiskIsReportedCorrectlyThroughout(t *testing.T) {
	t.Parallel()
	dir, home, h := memoryDisk(t, "20m"), t.TempDir(), startHook(t)
	ran := filepath.Join(home, "ran")
	config := toldConfig(h, ran)
	expect := func(r *recorder) {
		r.files = dir
		r.expect("disk is full", "sample index", "storing a command failed", "media is missing", "journal", "catalogue", "database", "request not served", "notice")
	}
	r := launch(t, staticBinary, home, config, "--record-path", dir)
	expect(r)
	eventually(t, "some files are finished", func() bool { return len(r.names(".mp4")) >= 2 })
	r.well()
	filler := filepath.Join(dir, "filler")
	dbtest.Fill(t, filler)
	r.writesNothing("disk_full")
	r.settles(h, ran)
	for _, rec := range r.records("live/a") {
		require.Equal(t, "finished", rec.State, "nothing grows")
	}
	require.Empty(t, r.names(".part"))
	resp, body := r.send("POST", "/mp4/event/live/a", `{"at": "`+time.Now().Add(time.Second).UTC().Format(time.RFC3339Nano)+`", "before": 0, "after": 1}`, "Content-Type", "application/json")
	require.Equal(t, http.StatusServiceUnavailable, resp.StatusCode, body)
	require.Contains(t, body, "disk is full")
	first := r.records("live/a")[0]
	resp, body = r.send("POST", "/mp4/event/live/a", `{"at": "`+first.Start.Format(time.RFC3339Nano)+`", "before": 0, "after": 1, "protect": false}`, "Content-Type", "application/json")
	require.Equal(t, 200, resp.StatusCode, "the finished recording is marked: %s", body)

	require.Equal(t, -1, r.signal(syscall.SIGKILL))
	before := r.list(".mp4")
	r = launch(t, staticBinary, home, config, "--record-path", dir)
	expect(r)
	r.writesNothing("disk_full")
	require.Equal(t, before, r.list(".mp4"))
	r.settles(h, ran)

	// A deletion frees space: the deleted recording has neither file nor row, and recording
	// continues by itself.
	all := r.rows("order=asc", 1000)
	resp, body = r.send("DELETE", "/mp4/records/"+all[0].ID, "")
	require.Equal(t, 200, resp.StatusCode, body)
	code, _ := r.ask("GET", "/mp4/records/"+all[0].ID)
	require.Equal(t, 404, code)
	require.NoFileExists(t, r.path(all[0].File))
	freed := time.Now()
	require.NoError(t, os.Remove(filler))
	eventually(t, "it is recorded again\n"+r.book.String(), func() bool { return r.status("live/a").LastWritten.After(freed) })
	r.forget(h, ran, all[0].File)
	r.agrees(h, ran, "disk_full")
	require.Equal(t, 0, r.signal(syscall.SIGINT))
	r.logIsClean()
}

// forget removes a deleted file from the expected deliveries.
func (r *recorder) forget(h *hook, ran, file string) {
	text, err := os.ReadFile(ran)
	require.NoError(r.t, err)
	require.NoError(r.t, os.WriteFile(ran, []byte(strings.ReplaceAll(string(text), file+"\n", "")), 0o600))
	h.forget(file)
}

// TestDiskProblemsAreReportedUntilTheyEnd lets a disk fail in every way that is possible here, and makes
// the same checks when it is back, without a restart.
func TestDiskProblemsAreReportedUntilTheyEnd(t *testing.T) {
	t.Parallel()
	ordinary := func(t *testing.T) (string, *realDisk) { return memoryDisk(t, "256m"), nil }
	real := func(t *testing.T) (string, *realDisk) {
		d := newRealDisk(t, "256M")
		require.NoError(t, os.Chown(d.dir, os.Geteuid(), os.Getegid())) // the user of the recorder
		return d.dir, d
	}
	var limits unix.Rlimit
	var give func()
	troubles := map[string]struct {
		disk           func(*testing.T) (string, *realDisk)
		happens, over  func(*recorder, *realDisk)
		problem, cause string
	}{
		"read-only": {real, func(_ *recorder, d *realDisk) { d.becomeReadOnly() }, func(_ *recorder, d *realDisk) { d.replug() }, "disk_read_only", "disk_error"},
		"no inodes": {func(t *testing.T) (string, *realDisk) { return memoryDisk(t, "256m,nr_inodes=300"), nil },
			func(r *recorder, _ *realDisk) { give = takeInodes(r.t, r.files) }, func(*recorder, *realDisk) { give() }, "no_inodes", "no_inodes"},
		"too many open files": {ordinary, func(r *recorder, _ *realDisk) {
			require.NoError(t, unix.Prlimit(r.cmd.Process.Pid, unix.RLIMIT_NOFILE, nil, &limits))
			require.NoError(t, unix.Prlimit(r.cmd.Process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: limits.Max}, nil))
		}, func(r *recorder, _ *realDisk) {
			require.NoError(t, unix.Prlimit(r.cmd.Process.Pid, unix.RLIMIT_NOFILE, &limits, nil))
		}, "too_many_open_files", "disk_error"},
		"away": {func(t *testing.T) (string, *realDisk) {
			disk, dir := boundDisk(t, "256m")
			return dir, &realDisk{t, disk, dir}
		}, func(_ *recorder, d *realDisk) { mounting(d.t, "umount", "-l", d.dir) },
			func(_ *recorder, d *realDisk) { mounting(d.t, "mount", "--bind", d.image, d.dir) }, "disk_away", "disk_error"},
	}
	failed := troubles["read-only"]
	failed.happens, failed.problem = func(_ *recorder, d *realDisk) { d.fail() }, "disk_failed"
	troubles["failed"] = failed
	for name, c := range troubles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h, home := startHook(t), t.TempDir()
			ran := filepath.Join(home, "ran")
			dir, disk := c.disk(t)
			r := launch(t, staticBinary, home, toldConfig(h, ran), "--record-path", dir)
			r.files = dir
			r.expect("recording failed", "recordings cannot be written", "media is missing", "journal", "catalogue", "database", "notice", "left for recovery", "could not be recovered", "held no complete chunk",
				"could not be finished", "sample index", "could not be compared", "leads elsewhere", "closing a recording failed", "too many open files", "command failed", "http: Accept error")
			eventually(t, "some files are finished", func() bool { return len(r.names(".mp4")) >= 1 })
			r.well()
			r.settles(h, ran)
			syncDisk(t, dir)
			c.happens(r, disk)
			if name != "too many open files" { // the recorder accepts no connection then
				r.writesNothing(c.problem)
			} else {
				require.Contains(t, r.await("recording failed").text("error"), "raise the limit")
			}
			began := time.Now() // a trouble of one second may cost nothing
			eventually(t, "something is lost", func() bool {
				if name == "too many open files" {
					return time.Since(began) > 5*time.Second // the recorder accepts no connection
				}
				return len(r.status("live/a").Drops) > 0
			})
			c.over(r, disk)
			back := time.Now()
			eventually(t, "it is recorded again\n"+r.book.String(), func() bool { return r.status("live/a").LastWritten.After(back) })
			r.well()
			eventually(t, "what was left is finished", func() bool { return len(r.names(".part")) <= 1 })
			r.agrees(h, ran, c.cause)
			require.Equal(t, 0, r.signal(syscall.SIGINT))
			r.allFinished()
			r.logIsClean()
		})
	}
}

// syncDisk syncs a disk. After its removal an unsynced disk would bring back the file of a
// command that was removed already, and the command would run again.
func syncDisk(t *testing.T, dir string) {
	t.Helper()
	f, err := os.Open(dir)
	require.NoError(t, err)
	defer f.Close()
	require.NoError(t, unix.Syncfs(int(f.Fd())))
}
