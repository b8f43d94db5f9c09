package server

import (
	"os"

	"golang.org/x/sys/unix"
)

// descriptors returns the number of file descriptors that the process may still open, and the limit of its
// open ones.
func descriptors() (left, most int, err error) {
	var limit unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit); err != nil {
		return 0, 0, err
	}
	open, err := os.ReadDir("/proc/self/fd")
	return int(limit.Cur) - len(open) + 1, int(limit.Cur), err // one of the open ones was that of /proc/self/fd itself
}
