package retention

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Space is how full a disk is, as df counts: what only root may use is neither
// used nor free.
type Space struct {
	Total, Free        int64 // bytes
	Inodes, FreeInodes int64 // Inodes is 0 where the filesystem does not bound them
}

// Used is the bytes that are taken.
func (s Space) Used() int64 { return s.Total - s.Free }

// Disk asks the filesystem of a directory.
func Disk(dir string) (Space, error) {
	var st unix.Statfs_t
	if err := unix.Statfs(dir, &st); err != nil {
		return Space{}, fmt.Errorf("how full the disk of %s is: %w", dir, err)
	}
	used := int64(st.Blocks-st.Bfree) * st.Bsize
	free := int64(st.Bavail) * st.Bsize
	return Space{Total: used + free, Free: free, Inodes: int64(st.Files), FreeInodes: int64(st.Ffree)}, nil
}

// maxMargin bounds how far below a mark room is made: 2 % of a large array would
// be days of footage.
const maxMargin = 16 << 30

func margin(total int64) int64 { return min(total/50, maxMargin) }

// high is the most that may be used of a disk under a limit; false: there is none.
func (s Space) high(percent int, minFree int64) (int64, bool) {
	most := s.Total
	if percent > 0 {
		most = s.Total / 100 * int64(percent)
	}
	if minFree > 0 {
		most = min(most, max(s.Total-minFree, 0))
	}
	return most, percent > 0 || minFree > 0
}

// leastInodes is how many inodes are kept free: for the next file of each of some
// recordings, and for the journal of the catalogue.
func (s Space) leastInodes() int64 { return min(max(s.Inodes/1000, 8), 1000) }
