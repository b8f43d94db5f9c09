package retention

import (
	"fmt"

	"github.com/gospool/spool/pipeline/filesystem"
)

// Disk asks the filesystem of a directory.
func Disk(dir string) (filesystem.Capacity, error) {
	has, err := filesystem.CapacityOf(dir)
	if err != nil {
		return has, fmt.Errorf("how full the disk of %s is: %w", dir, err)
	}
	return has, nil
}

// maxMargin bounds how far below a mark room is made: 2 % of a large array would
// be days of footage.
const maxMargin = 16 << 30

func margin(usable int64) int64 { return min(usable/50, maxMargin) }

// mark returns the most that may be used of a disk under a limit; false: there is none.
func mark(disk filesystem.Capacity, percent int, minFree int64) (int64, bool) {
	most := disk.Usable
	if percent > 0 {
		most = disk.Usable / 100 * int64(percent)
	}
	if minFree > 0 {
		most = min(most, max(disk.Usable-minFree, 0))
	}
	return most, percent > 0 || minFree > 0
}

// leastInodes returns how many inodes are kept free: for the next file of each of some
// recordings, and for the journal of the catalogue.
func leastInodes(disk filesystem.Capacity) int64 { return min(max(disk.Inodes/1000, 8), 1000) }
