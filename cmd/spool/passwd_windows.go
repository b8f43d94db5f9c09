package main

import (
	"os"

	"golang.org/x/sys/windows"
)

// withoutEcho turns the echo of a console off until the caller calls restore. It returns an error if f
// is no console.
func withoutEcho(f *os.File) (restore func(), err error) {
	console := windows.Handle(f.Fd())
	var before uint32
	if err := windows.GetConsoleMode(console, &before); err != nil {
		return nil, err
	}
	if err := windows.SetConsoleMode(console, before&^windows.ENABLE_ECHO_INPUT); err != nil {
		return nil, err
	}
	return func() { _ = windows.SetConsoleMode(console, before) }, nil
}
