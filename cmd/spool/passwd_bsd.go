//go:build darwin || freebsd

package main

import "golang.org/x/sys/unix"

// Requests of ioctl.
const getTermios, setTermios = unix.TIOCGETA, unix.TIOCSETA
