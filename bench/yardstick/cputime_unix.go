//go:build unix

package yardstick

import (
	"syscall"
	"time"
)

// CPUTime returns the CPU time of this process: user and system time of all threads, including the garbage collector.
func CPUTime() time.Duration {
	var r syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &r) // cannot fail for the own process
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
