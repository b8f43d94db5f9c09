package main

import "golang.org/x/sys/unix"

// Requests of ioctl.
const getTermios, setTermios = unix.TCGETS, unix.TCSETS
