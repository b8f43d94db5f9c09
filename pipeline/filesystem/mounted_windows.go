package filesystem

import (
	"path/filepath"

	"golang.org/x/sys/windows"
)

// typeOf returns the type of the file system that contains a path. It returns "unknown" if the type cannot be
// determined.
func typeOf(path string) string {
	v, err := volumeOf(path)
	if err != nil {
		return "unknown"
	}
	return v.format
}

// OnThisMachine reports whether a directory is on a disk of this machine. It returns false if that is unknown.
func OnThisMachine(dir string) bool {
	v, err := volumeOf(dir)
	if err != nil {
		return false
	}
	kind := windows.GetDriveType(&v.root[0])
	return kind == windows.DRIVE_FIXED || kind == windows.DRIVE_REMOVABLE || kind == windows.DRIVE_RAMDISK
}

// volume describes a mounted file system.
type volume struct {
	root   []uint16 // path at which it is mounted
	format string   // such as NTFS
	flags  uint32   // of GetVolumeInformation
}

// volumeOf returns the file system that contains a path.
func volumeOf(path string) (volume, error) {
	abs, err := filepath.Abs(path)
	if err != nil {
		return volume{}, err
	}
	name, err := windows.UTF16PtrFromString(abs)
	if err != nil {
		return volume{}, err
	}
	v := volume{root: make([]uint16, windows.MAX_LONG_PATH)}
	if err := windows.GetVolumePathName(name, &v.root[0], uint32(len(v.root))); err != nil {
		return volume{}, err
	}
	format := make([]uint16, windows.MAX_PATH+1)
	err = windows.GetVolumeInformation(&v.root[0], nil, 0, nil, nil, &v.flags, &format[0], uint32(len(format)))
	v.format = windows.UTF16ToString(format)
	return v, err
}
