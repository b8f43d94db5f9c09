// Package proc reads the CPU time, memory and I/O of a process from /proc (proc_pid_stat(5), proc_pid_status(5),
// proc_pid_io(5)). It works on Linux only.
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

// tick is the unit of the times in /proc/PID/stat. USER_HZ is 100 on every Linux that Go runs on.
const tick = time.Second / 100

// Usage holds the CPU time, memory and I/O of a process, with all its threads, since its start. The counts of calls and
// bytes also include the process's children that have ended and were waited for; they are 0 if the caller may not read
// them.
type Usage struct {
	User, System time.Duration // CPU time
	RSSBytes     int64         `json:"RSS"`     // resident memory now
	PeakRSSBytes int64         `json:"PeakRSS"` // greatest resident memory so far
	ReadCalls    int64         // read(2) and similar calls
	WriteCalls   int64         // write(2) and similar calls
	WrittenBytes int64         `json:"Written"` // bytes handed to write(2) and similar calls
}

// CPU returns the sum of user and system time.
func (u Usage) CPU() time.Duration { return u.User + u.System }

// Sub returns the CPU time, calls and bytes that the process has used since before, an earlier reading of it. The
// memory in the result is that of u.
func (u Usage) Sub(before Usage) Usage {
	u.User -= before.User
	u.System -= before.System
	u.ReadCalls -= before.ReadCalls
	u.WriteCalls -= before.WriteCalls
	u.WrittenBytes -= before.WrittenBytes
	return u
}

// Read reads the usage of the process with an ID.
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

// ResetPeak begins the peak of the memory of a process anew, at the memory that is resident now.
func ResetPeak(pid int) error {
	return os.WriteFile("/proc/"+strconv.Itoa(pid)+"/clear_refs", []byte("5"), 0)
}

// parseStat reads the user and the system time from the content of /proc/PID/stat: fields 14 and 15. It counts the
// fields from the last parenthesis on, because the second field is the command's name in parentheses, with any bytes.
func parseStat(b []byte) (user, system time.Duration, err error) {
	const utime, stime = 14 - 3, 15 - 3 // indexes of the fields behind the name
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	if len(fields) <= stime {
		return 0, 0, errors.New("/proc/PID/stat is not as proc(5) says")
	}
	u, err1 := strconv.ParseInt(fields[utime], 10, 64)
	s, err2 := strconv.ParseInt(fields[stime], 10, 64)
	return time.Duration(u) * tick, time.Duration(s) * tick, errors.Join(err1, err2)
}

// parseFields returns the numbers in lines of the form "name: number", by name. It skips other lines.
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
