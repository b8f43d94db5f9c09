package yardstick

import (
	"syscall"
	"time"
)

// CPUTime returns the CPU time of this process: user and system time of all threads, including the garbage collector.
func CPUTime() time.Duration {
	var created, ended, kernel, user syscall.Filetime
	self, _ := syscall.GetCurrentProcess()
	_ = syscall.GetProcessTimes(self, &created, &ended, &kernel, &user) // cannot fail for the own process
	return 100 * time.Nanosecond * time.Duration(ticks(kernel)+ticks(user))
}

// ticks returns a duration in units of 100 ns.
func ticks(t syscall.Filetime) int64 { return int64(t.HighDateTime)<<32 | int64(t.LowDateTime) }
