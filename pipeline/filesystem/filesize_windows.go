package filesystem

import (
	"math"
	"os"
	"path/filepath"
	"strings"
)

// MaxFileBytes returns the largest size that an open file can have by the format of the file system. Windows has no
// limit of the process.
func MaxFileBytes(f *os.File) int64 {
	path, err := pathOf(int(f.Fd()))
	if err != nil {
		return math.MaxInt64
	}
	if v, err := volumeOf(filepath.Dir(path)); err == nil && strings.HasPrefix(v.format, "FAT") {
		return math.MaxUint32
	}
	return math.MaxInt64
}
