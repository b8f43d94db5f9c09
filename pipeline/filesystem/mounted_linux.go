package filesystem

import (
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// typeOf returns the type of the mounted file system that contains a path. For FUSE it adds the mounted source
// in brackets. It returns "unknown" if the type cannot be determined.
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

// mountedAt returns the type of the file system that contains a path, from the text of /proc/self/mountinfo.
// The longest mount point above the path counts, and of several mounts at one point the last.
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

// unescape decodes the octal escapes of mountinfo.
var unescape = strings.NewReplacer(`\040`, " ", `\011`, "\t", `\012`, "\n", `\134`, `\`)

// OnThisMachine reports whether a directory is on a file system that only one machine can mount at
// a time. It returns false if the file system is unknown.
func OnThisMachine(dir string) bool {
	var fs unix.Statfs_t
	if unix.Statfs(dir, &fs) != nil {
		return false
	}
	switch uint32(fs.Type) {
	case unix.EXT4_SUPER_MAGIC, unix.XFS_SUPER_MAGIC, unix.BTRFS_SUPER_MAGIC, unix.F2FS_SUPER_MAGIC, unix.TMPFS_MAGIC,
		unix.OVERLAYFS_SUPER_MAGIC, unix.MSDOS_SUPER_MAGIC, unix.EXFAT_SUPER_MAGIC, 0x2fc12fc1: // zfs
		return true
	}
	return false
}
