package harness

import (
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gospool/spool/bench/proc"
)

// sample is the cost of one piece of work in this process.
type sample struct {
	cpu, wall time.Duration
	allocs    uint64 // allocations on the heap
	writes    int64  // write(2) and similar calls
	rssBytes  int64  // memory of the process at the end
}

// measure calls work directly after a garbage collection, and returns the cost of that call. dir is an empty directory
// below parent, which measure removes afterwards.
func measure(parent string, work func(dir string) error) (s sample, err error) {
	dir, err := os.MkdirTemp(parent, "round-")
	if err != nil {
		return s, err
	}
	defer os.RemoveAll(dir)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	usage, err := proc.Read(os.Getpid())
	if err != nil {
		return s, err
	}
	began, cpu := time.Now(), cpuTime()
	err = work(dir)
	s.cpu, s.wall = cpuTime()-cpu, time.Since(began)
	runtime.ReadMemStats(&after)
	s.allocs = after.Mallocs - before.Mallocs
	if used, e := proc.Read(os.Getpid()); e == nil {
		s.writes, s.rssBytes = used.WriteCalls-usage.WriteCalls, used.RSSBytes
	}
	return s, err
}

// cpuTime returns the CPU time of this process: user and system time of all threads, including the garbage collector.
func cpuTime() time.Duration {
	var r unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_SELF, &r) // cannot fail for the own process
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// writeBare does the least work that recording the case could do: for each stream it writes a file with the bytes of
// the content, with one write(2) a flush interval, and syncs it as the case requires.
func writeBare(dir string, c Case, k *content) error {
	for range c.Streams {
		if err := writeBareOnce(dir, c, k); err != nil {
			return err
		}
	}
	return nil
}

func writeBareOnce(dir string, c Case, k *content) error {
	f, err := os.CreateTemp(dir, "bare-")
	if err != nil {
		return err
	}
	defer f.Close()
	piece := max(int(k.bytes*int64(c.Flush)/int64(k.length)), 1)
	at := 0
	for left := k.bytes; left > 0; {
		n := min(piece, len(k.mdat)-at, int(left))
		if _, err := f.Write(k.mdat[at : at+n]); err != nil {
			return err
		}
		at, left = (at+n)%len(k.mdat), left-int64(n)
		if c.Sync == "chunk" {
			if err := unix.Fdatasync(int(f.Fd())); err != nil {
				return err
			}
		}
	}
	if c.Sync != "none" {
		return f.Sync()
	}
	return nil
}

// single returns the path of the file in a directory whose name has a suffix. It returns an error unless there is
// exactly one.
func single(dir, suffix string) (string, error) {
	found, err := filepath.Glob(filepath.Join(dir, "*"+suffix))
	if err != nil || len(found) != 1 {
		return "", os.ErrNotExist
	}
	return found[0], nil
}
