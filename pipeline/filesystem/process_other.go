//go:build !linux

package filesystem

// bootSpaceMachine returns nothing: only Linux identifies its boots. So it stays unknown whether the process of a lock
// file, or of a claim on a record directory, has ended.
func bootSpaceMachine() (boot, space, machine string) { return "", "", "" }

// Began returns "": the start time of a process is no evidence without the ID of the boot.
func Began(int) string { return "" }
