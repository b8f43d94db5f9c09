package retention

import (
	"fmt"

	"github.com/gospool/spool/pipeline/filesystem"
)

// Disk returns the capacity of a directory's filesystem.
func Disk(dir string) (filesystem.Capacity, error) {
	has, err := filesystem.CapacityOf(dir)
	if err != nil {
		return has, fmt.Errorf("how full the disk of %s is: %w", dir, err)
	}
	return has, nil
}

// maxMarginBytes limits how far below a mark room is made, in bytes: 2 % of a large array would be
// days of footage.
const maxMarginBytes = 16 << 30

func margin(usable int64) int64 { return min(usable/50, maxMarginBytes) }

// mark returns the most bytes of a disk that a limit permits to use; false: no limit is set. A
// minFree that the disk can never have is no limit: all footage would be deleted in vain.
func mark(disk filesystem.Capacity, percent int, minFree int64) (int64, bool) {
	most := disk.UsableBytes
	if percent > 0 {
		most = disk.UsableBytes / 100 * int64(percent)
	}
	keepsFree := minFree > 0 && !disk.Exceeds(minFree)
	if keepsFree {
		most = min(most, disk.UsableBytes-minFree)
	}
	return most, percent > 0 || keepsFree
}

// leastInodes returns the number of inodes to keep free, for the next files of some recordings
// and for the catalogue's journal.
func leastInodes(disk filesystem.Capacity) int64 { return min(max(disk.Inodes/1000, 8), 1000) }
