//go:build unix

package filesystem

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/unix"
)

// MaxFileBytes returns the largest size that an open file can have, by the format of the file system and by the
// resource limit of the process (ulimit -f). It sets the file offset to 0. It reports no limit of the format
// that is 1 TiB or more.
func MaxFileBytes(f *os.File) int64 {
	most := int64(math.MaxInt64)
	var limit unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_FSIZE, &limit) == nil && limit.Cur < math.MaxInt64 {
		most = int64(limit.Cur)
	}
	fits := func(size int64) bool {
		_, err := unix.Seek(int(f.Fd()), size, unix.SEEK_SET)
		return !errors.Is(err, unix.EINVAL)
	}
	if !fits(min(most, worthSaying)) {
		low, high := int64(0), min(most, worthSaying) // low fits, high does not
		for high-low > 1 {
			if mid := low + (high-low)/2; fits(mid) {
				low = mid
			} else {
				high = mid
			}
		}
		most = low
	}
	_, _ = unix.Seek(int(f.Fd()), 0, unix.SEEK_SET)
	return most
}
