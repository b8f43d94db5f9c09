//go:build !linux

package main

// isInit returns false: only in a container of Linux is spool process 1.
func isInit() bool { return false }

// runInit returns errNoInit.
func runInit() error { return errNoInit }
