package filesystem

import (
	"fmt"
	"os"
)

// Process identifies a process on any host at any time. An empty field is unknown, and is no evidence that two
// processes differ.
type Process struct {
	Host  string // host name
	Boot  string // ID of the running kernel's boot; it differs between copies of a virtual machine
	Space string // namespace of the process ID
	PID   int
	Began string // start time in ticks since the boot

	Machine string // content of /etc/machine-id; distinguishes hosts of the same name
}

// ThisProcess returns the identity of this process.
func ThisProcess() Process {
	p := Process{PID: os.Getpid()}
	p.Host, _ = os.Hostname()
	p.Boot, p.Space, p.Machine = bootSpaceMachine()
	p.Began = Began(p.PID)
	return p
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

// state returns whether the process p is running or has ended. from is the process that asks. The result is
// unknown if from cannot determine it, for example because p is on another host.
func (p Process) state(from Process) state {
	switch {
	case p.PID <= 0 || p.Boot == "" || p.Began == "":
		return unknown
	case p.Boot == from.Boot && p.Space == from.Space:
		if Began(p.PID) == p.Began {
			return running
		}
		return ended
	case p.Host == from.Host && p.Machine == from.Machine && p.Boot != from.Boot: // the host has restarted since
		return ended
	}
	return unknown
}
