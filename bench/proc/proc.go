// Package proc reads the kernel's account of another process (proc_pid_stat(5), proc_pid_status(5), proc_pid_io(5)).
// Linux only.
package proc

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"
)

// tick is the unit of the times in /proc/PID/stat: USER_HZ is 100 on every
// Linux that Go runs on.
const tick = time.Second / 100

// Usage is the consumption of a process since its start, with its threads: CPU times and memory
// without its children, read and write counts with the children that have ended and were waited
// for. RSSBytes is the present value.
type Usage struct {
	User, System time.Duration
	RSSBytes     int64 `json:"RSS"`
	PeakRSSBytes int64 `json:"PeakRSS"`
	ReadCalls    int64 // read(2) and similar calls; 0: the kernel does not report them
	WriteCalls   int64
	WrittenBytes int64 `json:"Written"` // handed to write(2) and similar calls
}

// CPU returns user and system time.
func (u Usage) CPU() time.Duration { return u.User + u.System }

// Sub returns the consumption since an earlier reading, and the memory of the later one.
func (u Usage) Sub(before Usage) Usage {
	u.User -= before.User
	u.System -= before.System
	u.ReadCalls -= before.ReadCalls
	u.WriteCalls -= before.WriteCalls
	u.WrittenBytes -= before.WrittenBytes
	return u
}

// Read reads the usage of a process.
func Read(pid int) (Usage, error) {
	var u Usage
	dir := "/proc/" + strconv.Itoa(pid) + "/"
	stat, err := os.ReadFile(dir + "stat")
	if err != nil {
		return u, fmt.Errorf("usage of process %d: %w", pid, err)
	}
	if u.User, u.System, err = parseStat(stat); err != nil {
		return u, fmt.Errorf("usage of process %d: %w", pid, err)
	}
	status, err := os.ReadFile(dir + "status")
	if err != nil {
		return u, fmt.Errorf("usage of process %d: %w", pid, err)
	}
	fields := parseFields(status)
	u.RSSBytes, u.PeakRSSBytes = fields["VmRSS"]<<10, fields["VmHWM"]<<10
	if io, err := os.ReadFile(dir + "io"); err == nil { // readable only with permission
		fields = parseFields(io)
		u.ReadCalls, u.WriteCalls, u.WrittenBytes = fields["syscr"], fields["syscw"], fields["wchar"]
	}
	return u, nil
}

// parseStat reads fields 14 and 15. The second field is the command's name in parentheses, with arbitrary bytes.
func parseStat(b []byte) (user, system time.Duration, err error) {
	const utime, stime = 14 - 3, 15 - 3 // counted behind the name
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) <= stime {
		return 0, 0, errors.New("/proc/PID/stat is not as proc(5) says")
	}
	u, err1 := strconv.ParseInt(fields[utime], 10, 64)
	s, err2 := strconv.ParseInt(fields[stime], 10, 64)
	return time.Duration(u) * tick, time.Duration(s) * tick, errors.Join(err1, err2)
}

// parseFields reads lines of a name, a colon and a number, and skips other lines.
func parseFields(b []byte) map[string]int64 {
	out := map[string]int64{}
	for line := range strings.Lines(string(b)) {
		name, rest, _ := strings.Cut(line, ":")
		if f := strings.Fields(rest); len(f) > 0 {
			if n, err := strconv.ParseInt(f[0], 10, 64); err == nil {
				out[name] = n
			}
		}
	}
	return out
}
