package e2e

import (
	"database/sql"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// realDisk is a file system on a block device that the tests can freeze and break. Its root
// directory belongs to a user other than root, its lost+found to root.
type realDisk struct {
	t          *testing.T
	image, dir string
}

// nobody is the user of the recorder if the tests run as root.
const nobody = 65534

func newRealDisk(t *testing.T, size string) *realDisk {
	t.Helper()
	d := &realDisk{t, filepath.Join(t.TempDir(), "image"), t.TempDir()}
	owner := os.Geteuid()
	if owner == 0 {
		owner = nobody
	}
	tool(t, "truncate", "-s", size, d.image)
	tool(t, "mkfs.ext4", "-q", "-F", "-E", fmt.Sprintf("root_owner=%d:%d", owner, owner), d.image)
	d.mount()
	t.Cleanup(func() { mounting(t, "umount", "-l", d.dir) })
	return d
}

func (d *realDisk) mount() {
	d.t.Helper()
	device := strings.TrimSpace(mounting(d.t, "losetup", "-f", "--show", d.image)) // another device each time
	mounting(d.t, "mount", "-o", "errors=remount-ro", device, d.dir)
	mounting(d.t, "losetup", "-d", device) // after the unmount
}

// replug unmounts the disk and mounts it again, which repairs it. The recorder may still hold
// files of the old mount.
func (d *realDisk) replug() {
	d.t.Helper()
	mounting(d.t, "umount", "-l", d.dir)
	d.mount()
}

// stop freezes the file system: every write waits until goOn.
func (d *realDisk) stop() { d.t.Helper(); mounting(d.t, "fsfreeze", "-f", d.dir) }
func (d *realDisk) goOn() { d.t.Helper(); mounting(d.t, "fsfreeze", "-u", d.dir) }

// becomeReadOnly remounts the disk read-only, as the kernel does after an error.
func (d *realDisk) becomeReadOnly() {
	d.t.Helper()
	device := filepath.Base(strings.TrimSpace(tool(d.t, "findmnt", "-no", "SOURCE", d.dir)))
	mounting(d.t, "sh", "-c", "echo an error made by a test > /sys/fs/ext4/"+device+"/trigger_fs_error")
}

// fail makes every write fail with EIO from now on. Only root may do this: the test runs its own
// program once more as root.
func (d *realDisk) fail() {
	d.t.Helper()
	mounting(d.t, "env", breakDisk+"="+d.dir, os.Args[0])
}

// breakDisk is the variable that names the disk to the process that breaks it.
const breakDisk = "E2E_BREAK_DISK"

func broken(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	const shutdown, noLogFlush = 0x8004587d, 2 // EXT4_IOC_SHUTDOWN
	return unix.IoctlSetPointerInt(int(d.Fd()), shutdown, noLogFlush)
}

// record records to the disk, as user nobody if the tests run as root.
func (d *realDisk) record(config string, args ...string) *recorder {
	d.t.Helper()
	binary, dir := staticBinary, d.t.TempDir()
	if os.Geteuid() == 0 {
		require.NoError(d.t, os.Chmod(filepath.Dir(dir), 0o755))
		require.NoError(d.t, os.Chown(dir, nobody, nobody))
		binary = func() (string, error) {
			path, err := staticBinary()
			if err != nil {
				return "", err
			}
			require.NoError(d.t, os.Chmod(workshop, 0o755))
			script := filepath.Join(d.t.TempDir(), "spool")
			return script, os.WriteFile(script, fmt.Appendf(nil,
				"#!/bin/sh\nexec setpriv --reuid=%d --regid=%d --clear-groups %s \"$@\"\n", nobody, nobody, path), 0o755)
		}
	}
	r := launch(d.t, binary, dir, config, append(args, "--record-path", d.dir)...)
	r.files = d.dir
	return r
}

// nothingIsLeft waits until only the running recordings have unfinished files.
func (r *recorder) nothingIsLeft() {
	r.t.Helper()
	eventually(r.t, "what was left is finished, without a restart\n"+r.book.String(), func() bool {
		parts := r.list(".mp4.part")
		for _, stream := range []string{"live/a", "live/b"} {
			growing := r.path(r.status(stream).File)
			parts = slices.DeleteFunc(parts, func(name string) bool { return name == growing })
		}
		return len(parts) == 0
	})
}

// A disk fails, or the kernel makes it read-only. The recordings report that and continue
// without a restart when the disk is back. The files from before are then finished, too.
func TestRecordingContinuesAfterADiskFailure(t *testing.T) {
	t.Parallel()
	faults := map[string]struct {
		happens func(*realDisk)
		says    string
	}{
		"read-only": {(*realDisk).becomeReadOnly, "read-only"},
		"failed":    {(*realDisk).fail, "the disk failed"},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newRealDisk(t, "256M")
			r := d.record(faultyDiskConfig)
			r.expect(fault.says, "sample index", "leads elsewhere", "not the one it was", "media is missing", "journal", "catalogue", "database",
				"closing a recording failed", "could not be finished", "could not be recovered", "input/output error")
			r.goesOn(time.Now())
			fault.happens(d)
			for _, stream := range []string{"live/a", "live/b"} {
				eventually(t, stream+" reports the state of the disk\n"+r.book.String(), func() bool {
					s := r.status(stream)
					return !s.Recording && strings.Contains(s.LastError, fault.says)
				})
			}
			d.replug()
			r.goesOn(time.Now())
			r.nothingIsLeft()
			r.drained()
			r.allFinished()
		})
	}
}

// The process has no descriptor left. It logs a remedy, and continues when it has some.
func TestTooManyOpenFilesAreSurvived(t *testing.T) {
	t.Parallel()
	r := recordOn(t, memoryDisk(t, "256m"), faultyDiskConfig)
	r.expect("too many open files", "sample index", "media is missing", "journal", "catalogue", "database", "closing a recording failed", "could not be finished", "could not be recovered")
	r.goesOn(time.Now())
	var before unix.Rlimit
	require.NoError(t, unix.Prlimit(r.cmd.Process.Pid, unix.RLIMIT_NOFILE, nil, &before))
	require.NoError(t, unix.Prlimit(r.cmd.Process.Pid, unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 3, Max: before.Max}, nil))
	r.await("recording failed")
	require.Contains(t, r.await("recording failed").text("error"), "raise the limit")
	require.NoError(t, unix.Prlimit(r.cmd.Process.Pid, unix.RLIMIT_NOFILE, &before, nil))
	r.goesOn(time.Now())
	r.nothingIsLeft()
	r.drained()
	r.allFinished()
}

// holdsBack waits until ten seconds of each stream wait for the disk.
func (r *recorder) holdsBack(streams ...string) {
	r.t.Helper()
	for _, stream := range streams {
		eventually(r.t, stream+" waits for ten seconds", func() bool { return r.status(stream).Ring.Seconds >= 10 })
	}
}

// lacksNothing requires that nothing of the streams was lost.
func (r *recorder) lacksNothing(streams ...string) {
	r.t.Helper()
	for _, stream := range streams {
		s := r.status(stream)
		require.Empty(r.t, s.Drops, stream)
		require.Zero(r.t, s.Gaps, stream)
	}
}

// A write that takes ten seconds loses no media.
func TestAWriteOfTenSecondsLosesNoMedia(t *testing.T) {
	t.Parallel()
	d := newRealDisk(t, "256M")
	r := d.record(faultyDiskConfig)
	r.expect("catalogue", "database", "recordings cannot be written")
	r.goesOn(time.Now())
	func() {
		d.stop()
		defer d.goOn()
		r.holdsBack("live/a", "live/b")
	}()
	r.goesOn(time.Now())
	r.lacksNothing("live/a", "live/b")
	r.drained()
	r.allFinished()
}

// The catalogue is read and written while the disk is frozen. Only requests that need the
// catalogue wait. SQLite would map a file of its own into memory (-shm), and a write to that
// mapping would stop the whole process.
func TestTheCatalogueOnAFrozenDiskBlocksOnlyItsUsers(t *testing.T) {
	t.Parallel()
	d := newRealDisk(t, "256M")
	r := d.record(strings.ReplaceAll(faultyDiskConfig, "max_duration: 2", "max_duration: 600"))
	r.expect("catalogue", "database", "recordings cannot be written", "request not served", "the event is recorded, but could not be marked")
	r.goesOn(time.Now())
	answered := make(chan error, 2)
	d.behindACommit(func() {
		for _, ask := range [][2]string{{"GET", "/mp4/records"}, {"POST", "/mp4/event/live/a"}} {
			req, err := http.NewRequestWithContext(t.Context(), ask[0], r.api+ask[1], nil)
			require.NoError(t, err)
			go func() {
				resp, err := client.Do(req)
				if err == nil {
					err = resp.Body.Close()
				}
				answered <- err
			}()
		}
		r.holdsBack("live/a", "live/b")
	})
	require.NoError(t, <-answered)
	require.NoError(t, <-answered)
	r.goesOn(time.Now())
	r.lacksNothing("live/a", "live/b")
	eventually(t, "the event is in the catalogue", func() bool {
		return len(answer[struct{ Events []struct{} }](r, "GET", "/mp4/events?stream=live/a").Events) == 1
	})
	r.drained()
	r.allFinished()
}

// The catalogue is listed while the disk is frozen, including the newest rows. After each commit
// the recorder itself marks in SQLite's shared memory how far readers may read, so that no
// reader has to write there.
func TestTheCatalogueIsListedOnAFrozenDisk(t *testing.T) {
	t.Parallel()
	d := newRealDisk(t, "256M")
	r := d.record(faultyDiskConfig)
	r.expect("catalogue", "database", "recordings cannot be written")
	r.goesOn(time.Now())
	shm, err := os.Open(filepath.Join(d.dir, "spool.db-shm"))
	require.NoError(t, err)
	defer shm.Close()
	seen := framesOf(t, shm)
	for listed := 0; listed < 5; {
		eventually(t, "rows are committed", func() bool { return framesOf(t, shm).frames != seen.frames })
		func() {
			d.stop()
			defer d.goOn()
			if seen = framesOf(t, shm); !seen.marked {
				return // the disk stopped in the middle of a commit
			}
			require.NotEmpty(t, answer[struct{ Records []struct{} }](r, "GET", "/mp4/records").Records)
			listed++
		}()
	}
	r.goesOn(time.Now())
	r.drained()
	r.allFinished()
}

// logIndex holds the fields of SQLite's shared memory that describe the log.
type logIndex struct {
	frames [4]byte // committed frames
	marked bool    // a reader may read so far without a write
}

func framesOf(t *testing.T, shm *os.File) (x logIndex) {
	t.Helper()
	var header [120]byte // see "WAL-Index File Format" of SQLite
	_, err := shm.ReadAt(header[:], 0)
	require.NoError(t, err)
	x.frames = [4]byte(header[16:])
	for mark := 104; mark < 120; mark += 4 {
		x.marked = x.marked || [4]byte(header[mark:]) == x.frames
	}
	return x
}

// behindACommit stops the disk right after a commit to the catalogue and calls do. The next
// reader then has to write to SQLite's shared memory how far it may read. Another process makes
// the commit, which is permitted.
func (d *realDisk) behindACommit(do func()) {
	d.t.Helper()
	file := filepath.Join(d.dir, "spool.db")
	shm, err := os.Open(file + "-shm")
	require.NoError(d.t, err)
	defer shm.Close() // after SQLite's: closing it releases this process's lock
	db, err := sql.Open("sqlite", file+"?_pragma=busy_timeout(60000)")
	require.NoError(d.t, err)
	defer db.Close()
	for {
		_, err := db.ExecContext(d.t.Context(), "UPDATE spool_claims SET beats = beats + 1")
		require.NoError(d.t, err)
		d.stop()
		done := func() bool {
			defer d.goOn()
			marked := framesOf(d.t, shm).marked
			if !marked { // otherwise the recorder was quicker
				do()
			}
			return !marked
		}()
		if done {
			return
		}
	}
}

// The disk stops under more streams than memory.max has room for. The process stays within it,
// drops whole GOPs and none of an important stream, and records everything when the disk
// continues. With E2E_LONG it runs fifty streams for a minute.
func TestMemoryWhileTheDiskIsStopped(t *testing.T) {
	t.Parallel()
	streams, lasts := 16, time.Duration(0)
	if long {
		streams, lasts = 50, time.Minute
	}
	const most = 128 << 20
	d := newRealDisk(t, "1G")
	r := d.record(manyStreams(streams))
	r.expect("catalogue", "database", "recordings cannot be written", "media is missing", "overload", "whole GOPs", "memory")
	r.recordsAll(streams, time.Now())
	high := 0
	func() {
		d.stop()
		defer d.goOn()
		began := time.Now()
		require.Eventually(t, func() bool {
			high = max(high, r.memory("VmRSS"))
			dropped := 0
			for n := range streams {
				if len(r.status(manyStream(n)).Drops) > 0 {
					dropped++
				}
			}
			return dropped >= streams*3/4 && time.Since(began) >= lasts
		}, lasts+patience, 200*time.Millisecond, "memory is never full: %d MiB", high>>20)
	}()
	high = max(high, r.memory("VmHWM"))
	t.Logf("%d streams, the disk stopped: %.1f MiB resident at most of %d", streams, float64(high)/(1<<20), most>>20)
	require.LessOrEqual(t, high, most)
	r.recordsAll(streams, time.Now())
	for n := range streams {
		s := r.status(manyStream(n))
		if n%8 == 7 {
			require.Empty(t, s.Drops, "%s is important", manyStream(n))
			continue
		}
		for _, drop := range s.Drops {
			require.Equal(t, "overload", drop.Cause)
		}
	}
	r.drained()
	r.allFinished()
}

func manyStream(n int) string { return fmt.Sprintf("live/%02d", n) }

// manyStreams declares cameras that send 32 Mbit/s in all. Every eighth of them is important and
// small.
func manyStreams(n int) string {
	text := "memory: {max: 128MiB}\nmp4: {filename_pattern: \"{stream_path}/{timestamp}_{ms}.mp4\"}\n" +
		"pipelines: {all: {record: always, stages: [source: {}, gop_ring: {max_backlog: 10m}, segmenter: {}, mp4: {}, metadata: {}]}}\nstreams:\n"
	for i := range n {
		priority, bitrate := 0, 32000/n
		if i%8 == 7 {
			priority, bitrate = 1, 100
		}
		text += fmt.Sprintf("  %s: {priority: %d, pull: \"testpattern://?size=320x180&fps=25&gop=25&bitrate=%dk\"}\n", manyStream(i), priority, bitrate)
	}
	return text
}

// recordsAll waits until every stream has written media that arrived after a moment.
func (r *recorder) recordsAll(streams int, since time.Time) {
	r.t.Helper()
	for n := range streams {
		eventually(r.t, manyStream(n)+" is recorded", func() bool { return r.status(manyStream(n)).LastWritten.After(since) })
	}
}

// memory returns a figure of the process's memory from /proc, in bytes.
func (r *recorder) memory(figure string) (bytes int) {
	r.t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.cmd.Process.Pid))
	require.NoError(r.t, err)
	_, rest, found := strings.Cut(string(text), figure+":")
	require.True(r.t, found, figure)
	_, err = fmt.Sscanf(rest, "%d kB", &bytes)
	require.NoError(r.t, err)
	return bytes << 10
}
