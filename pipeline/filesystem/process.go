package filesystem

import (
	"bytes"
	"fmt"
	"os"
	"strings"
)

// Process tells one process from any other, on any host and at any time. What could
// not be found out is empty, and proves nothing.
type Process struct {
	Host  string // its name
	Boot  string // ID of the kernel's boot: another one on each copy of a machine
	Space string // namespace of process IDs
	PID   int
	Began string // in ticks of that kernel

	Machine string // /etc/machine-id: machines of one name have different ones
}

// ThisProcess describes the one that asks.
func ThisProcess() Process {
	host, _ := os.Hostname()
	boot, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	space, _ := os.Readlink("/proc/self/ns/pid")
	machine, _ := os.ReadFile("/etc/machine-id")
	pid := os.Getpid()
	return Process{host, strings.TrimSpace(string(boot)), space, pid, Began(pid), strings.TrimSpace(string(machine))}
}

// Began tells when a process began, in ticks of the kernel. It is empty where the
// process is not there, and where it has ended and its parent has not noticed yet.
func Began(pid int) string {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return ""
	}
	// The name in brackets may hold anything, brackets too: state is the first field behind it.
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" || fields[0] == "X" {
		return ""
	}
	return fields[19]
}

func (p Process) String() string {
	return fmt.Sprintf("host=%q boot=%s space=%s pid=%d began=%s machine=%q", p.Host, p.Boot, p.Space, p.PID, p.Began, p.Machine)
}

func parseProcess(text string) (p Process) {
	_, _ = fmt.Sscanf(text, "host=%q boot=%s space=%s pid=%d began=%s machine=%q", &p.Host, &p.Boot, &p.Space, &p.PID, &p.Began, &p.Machine)
	return p
}

type state int

const (
	unknown state = iota
	running
	ended
)

// state tells, as seen from another process, what became of this one.
func (p Process) state(from Process) state {
	switch {
	case p.PID <= 0 || p.Boot == "" || p.Began == "":
		return unknown
	case p.Boot == from.Boot && p.Space == from.Space:
		if Began(p.PID) == p.Began {
			return running
		}
		return ended
	case p.Host == from.Host && p.Machine == from.Machine && p.Boot != from.Boot: // started again since
		return ended
	}
	return unknown
}
