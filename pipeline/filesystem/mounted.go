package filesystem

import (
	"os"
	"path/filepath"
	"strings"
)

// typeOf returns the type of the mounted file system to which a path leads, for FUSE with its
// source.
func typeOf(path string) string {
	text, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return "unknown"
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "unknown"
	}
	if resolved, err := filepath.EvalSymlinks(abs); err == nil {
		abs = resolved
	}
	return mountedAt(string(text), abs)
}

// mountedAt parses /proc/self/mountinfo: of the mount points above a path the longest is visible,
// and of several mounts there the last.
func mountedAt(mountinfo, path string) string {
	found, longest := "unknown", -1
	for line := range strings.Lines(mountinfo) {
		before, after, ok := strings.Cut(line, " - ")
		fields, rest := strings.Fields(before), strings.Fields(after)
		if !ok || len(fields) < 5 || len(rest) < 2 {
			continue
		}
		point := unescape.Replace(fields[4])
		if len(point) < longest || point != "/" && path != point && !strings.HasPrefix(path, point+"/") {
			continue
		}
		longest, found = len(point), rest[0]
		if strings.HasPrefix(found, "fuse") {
			found += " (" + unescape.Replace(rest[1]) + ")"
		}
	}
	return found
}

// unescape decodes the escapes of mountinfo.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
