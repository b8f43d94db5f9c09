//go:build darwin || freebsd

package rtsp

import "golang.org/x/sys/unix"

// peerClosed is the event for a peer that has closed the connection. A peer that has closed only its side is noticed
// at the next read.
const peerClosed = unix.POLLHUP
