package wallclock

import "golang.org/x/sys/unix"

// KernelSynchronised reports whether the kernel considers the clock synchronised, for example by an NTP client.
// After a user sets the clock, the kernel considers it not synchronised.
func KernelSynchronised() bool {
	var t unix.Timex
	state, err := unix.Adjtimex(&t)
	return err == nil && state != unix.TIME_ERROR && t.Status&unix.STA_UNSYNC == 0
}
