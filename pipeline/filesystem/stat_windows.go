package filesystem

import (
	"io/fs"
	"os"

	"golang.org/x/sys/windows"
)

// Identity identifies a file whatever its name.
type Identity struct{ Device, Inode uint64 }

// Identify returns the identity of the file at a path; false if there is no such file.
func Identify(path string) (Identity, bool) {
	f, err := os.Open(path)
	if err != nil {
		return Identity{}, false
	}
	defer f.Close()
	var of windows.ByHandleFileInformation
	if err := windows.GetFileInformationByHandle(windows.Handle(f.Fd()), &of); err != nil {
		return Identity{}, false
	}
	return Identity{uint64(of.VolumeSerialNumber), uint64(of.FileIndexHigh)<<32 | uint64(of.FileIndexLow)}, true
}

// Allocated returns false: the directory entries of Windows have neither the disk space of a file nor the number of
// its names.
func Allocated(fs.FileInfo) (bytes int64, links uint64, ok bool) { return 0, 0, false }
