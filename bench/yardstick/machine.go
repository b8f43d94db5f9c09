package yardstick

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/filesystem"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// Machine returns a line that names what figures depend on: the CPU with the number of its logical cores, the kernel,
// the file system of dir, the date, and whether that file system lacks the free space that preallocation needs. It leaves
// out what the system does not tell.
func Machine(dir string) string {
	parts := []string{fmt.Sprintf("%d x %s", runtime.NumCPU(), cpuModel())}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		parts = append(parts, "Linux "+string(bytes.TrimSpace(release)))
	}
	if mounts, err := os.ReadFile("/proc/self/mountinfo"); err == nil {
		if fs := fileSystem(string(mounts), dir); fs != "" {
			parts = append(parts, fs)
		}
	}
	parts = append(parts, runtime.Version(), time.Now().Format(time.DateOnly))
	if c, err := filesystem.CapacityOf(dir); err == nil && c.FreeBytes < disk.PreallocateFromBytes {
		parts = append(parts, "too full for preallocation")
	}
	return strings.Join(parts, ", ")
}

// cpuModel returns the name of the CPU, or its architecture if the system does not give a name.
func cpuModel() string {
	info, _ := os.ReadFile("/proc/cpuinfo") // on other systems it does not exist
	for line := range strings.Lines(string(info)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			return strings.TrimSpace(value)
		}
	}
	return runtime.GOARCH
}

// fileSystem returns the type of the file system that holds dir, from the content of /proc/self/mountinfo
// (proc_pid_mountinfo(5)), or "".
func fileSystem(mounts, dir string) string {
	if dir == "" {
		dir = os.TempDir()
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return ""
	}
	if resolved, err := filepath.EvalSymlinks(dir); err == nil {
		dir = resolved
	}
	at, kind := "", ""
	for line := range strings.Lines(mounts) {
		before, after, _ := strings.Cut(line, " - ")
		fields, types := strings.Fields(before), strings.Fields(after)
		if len(fields) < 5 || len(types) == 0 {
			continue
		}
		point := strings.ReplaceAll(fields[4], `\040`, " ")
		below := dir == point || strings.HasPrefix(dir, strings.TrimSuffix(point, "/")+"/")
		if below && len(point) >= len(at) { // of two mounts at one point, the later one is visible
			at, kind = point, types[0]
		}
	}
	return kind
}
