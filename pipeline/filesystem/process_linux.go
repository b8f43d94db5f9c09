package filesystem

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// bootSpaceMachine returns the fields Boot, Space and Machine of this process.
func bootSpaceMachine() (boot, space, machine string) {
	id, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	space, _ = os.Readlink("/proc/self/ns/pid")
	of, _ := os.ReadFile("/etc/machine-id")
	return strings.TrimSpace(string(id)), space, strings.TrimSpace(string(of))
}

// Began returns the start time of a process in ticks since the boot. It returns "" for a process that does not
// exist or is a zombie.
func Began(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The process name in brackets may contain brackets itself; the state is the first field after the last
	// bracket.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return fields[19]
}
