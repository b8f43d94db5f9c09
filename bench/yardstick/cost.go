package yardstick

import (
	"os"
	"runtime"
	"slices"
	"time"

	"github.com/gospool/spool/bench/proc"
)

// Cost is the cost of one piece of work in this process.
type Cost struct {
	CPU      time.Duration // user and system time of all threads, including the garbage collector's
	Wall     time.Duration // elapsed time
	Allocs   uint64        // allocations on the heap
	Writes   int64         // write(2) and similar calls
	RSSBytes int64         // memory of the process at the end
}

// Measure calls work directly after a garbage collection, and returns the cost of that call. dir is an empty directory
// below parent, which Measure removes afterwards.
func Measure(parent string, work func(dir string) error) (c Cost, err error) {
	dir, err := os.MkdirTemp(parent, "round-")
	if err != nil {
		return c, err
	}
	defer os.RemoveAll(dir)
	runtime.GC()
	usage, err := proc.Read(os.Getpid())
	if err != nil {
		return c, err
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before) // behind proc.Read, whose allocations are not those of the work
	began, cpu := time.Now(), CPUTime()
	err = work(dir)
	c.CPU, c.Wall = CPUTime()-cpu, time.Since(began)
	runtime.ReadMemStats(&after)
	c.Allocs = after.Mallocs - before.Mallocs
	if used, e := proc.Read(os.Getpid()); e == nil {
		c.Writes, c.RSSBytes = used.WriteCalls-usage.WriteCalls, used.RSSBytes
	}
	return c, err
}

// Round measures each of the works once, and returns their costs in the same order. n is the number of the round: each
// round begins with another work, so that none always follows the same one.
func Round(parent string, n int, works []func(dir string) error) ([]Cost, error) {
	costs := make([]Cost, len(works))
	for i := range works {
		k := (i + n) % len(works)
		c, err := Measure(parent, works[k])
		if err != nil {
			return nil, err
		}
		costs[k] = c
	}
	return costs, nil
}

// Median returns the median of the values; 0 without values.
func Median(v []float64) float64 {
	if len(v) == 0 {
		return 0
	}
	s := slices.Sorted(slices.Values(v))
	if n := len(s); n%2 == 0 {
		return (s[n/2-1] + s[n/2]) / 2
	}
	return s[len(s)/2]
}
