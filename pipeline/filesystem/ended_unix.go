//go:build unix

package filesystem

import (
	"errors"

	"golang.org/x/sys/unix"
)

// processEnded reports whether no process has the ID.
func processEnded(pid int) bool { return errors.Is(unix.Kill(pid, 0), unix.ESRCH) }
