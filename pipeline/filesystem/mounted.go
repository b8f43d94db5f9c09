package filesystem

import (
	"os"
	"path/filepath"
	"strings"
)

// typeOf is the type of what is mounted where a path leads, with the device or the
// source where the type alone says little.
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

// mountedAt reads /proc/self/mountinfo: of the mounts above a path the longest, and
// of several there the last, is the one that is seen.
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

// unescape reads what mountinfo writes for characters that would part its fields.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)
