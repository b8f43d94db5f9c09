package rtsp

import "golang.org/x/sys/unix"

// peerClosed is the event for a peer that has closed its side of the connection.
const peerClosed = unix.POLLRDHUP
