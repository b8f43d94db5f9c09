package retention

import (
	"fmt"

	"github.com/gospool/spool/pipeline/filesystem"
)

// Disk returns the capacity of the file system that holds a directory.
func Disk(dir string) (filesystem.Capacity, error) {
	has, err := filesystem.CapacityOf(dir)
	if err != nil {
		return has, fmt.Errorf("how full the disk of %s is: %w", dir, err)
	}
	return has, nil
}

// maxMarginBytes is the largest margin: 2 % of a large array would be days of footage.
const maxMarginBytes = 16 << 30

// margin returns the number of bytes by which deletion goes below a limit on the disk: 2 % of the
// disk's usable bytes, at most maxMarginBytes.
func margin(usable int64) int64 { return min(usable/50, maxMarginBytes) }

// mark returns the most bytes of a disk that may be used: percent of the disk, and all but minFree
// bytes. It returns false if there is no limit, because percent is 0 and minFree is 0 or larger
// than the disk. It ignores such a minFree, for which all footage would be deleted in vain.
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

// maxReserveBytes bounds the space that Room leaves free on a disk without limits.
const maxReserveBytes = 1 << 30

// Room returns how many bytes may be written to a disk beside recordings, so that no recording is deleted for them: up
// to the limits of the policy on the disk. The last twentieth of a disk, or the last GiB of a large one, is never
// for them. The result is negative if the disk is fuller than that.
func (p *Policy) Room(disk filesystem.Capacity) int64 {
	most, _ := mark(disk, p.DiskMaxPercent, p.MinFreeBytes)
	for _, s := range p.Streams {
		own, _ := mark(disk, 0, s.MinFreeBytes)
		most = min(most, own)
	}
	most = min(most, disk.UsableBytes-min(disk.UsableBytes/20, maxReserveBytes))
	return most - disk.UsedBytes()
}

// leastInodes returns the number of inodes to keep free for the next files of recordings and of the
// catalogue's journal: a thousandth of the disk's inodes, from 8 to 1000.
func leastInodes(disk filesystem.Capacity) int64 { return min(max(disk.Inodes/1000, 8), 1000) }
