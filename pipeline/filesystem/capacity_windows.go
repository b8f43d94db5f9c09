package filesystem

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/windows"
)

// CapacityOf returns the capacity of the file system that contains a directory. Windows bounds no inodes.
func CapacityOf(dir string) (Capacity, error) {
	path, err := windows.UTF16PtrFromString(dir)
	if err != nil {
		return Capacity{}, err
	}
	var free, total, unused uint64
	if err := windows.GetDiskFreeSpaceEx(path, &free, &total, &unused); err != nil {
		return Capacity{}, err
	}
	v, err := volumeOf(dir)
	return Capacity{
		TotalBytes: int64(total), UsableBytes: int64(total - unused + free), FreeBytes: int64(free),
		ReadOnly: v.flags&windows.FILE_READ_ONLY_VOLUME != 0,
	}, err
}

// FreeBytes returns the free bytes of the file system of an open file, for the user that runs spool.
func FreeBytes(f *os.File) (int64, error) {
	path, err := pathOf(int(f.Fd()))
	if err != nil {
		return 0, err
	}
	has, err := CapacityOf(filepath.Dir(path))
	return has.FreeBytes, err
}
