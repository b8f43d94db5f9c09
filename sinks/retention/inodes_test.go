package retention

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/filesystem"
)

// inodes limits the disk to most inodes, of which another program uses *other.
func (r *fixture) inodes(most int64, other *int64) {
	disk := r.k.deps.Disk
	r.k.deps.Disk = func(dir string) (filesystem.Capacity, error) {
		s, err := disk(dir)
		s.Inodes, s.FreeInodes = most, max(most-*other-int64(len(r.files())), 0)
		return s, err
	}
}

// TestFootageGoesForInodes checks that on a disk without inodes the oldest files are deleted, no
// more than needed, and that a limit on the bytes of footage causes no such deletion.
func TestFootageGoesForInodes(t *testing.T) {
	for name, c := range map[string]struct {
		policy Policy
		gone   int
	}{
		"disk_max_percent": {Policy{DiskMaxPercent: 90}, 16},
		"min_free_bytes":   {limits(Limits{MinFreeBytes: mib}), 16},
		"max_bytes":        {limits(Limits{MaxBytes: 90 * mib}), 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := newFixture(t, c.policy)
			var other int64 = 20
			r.inodes(60, &other)
			for i := range 40 {
				r.put(fmt.Sprintf("%02d.mp4", i), "live/a", day-time.Duration(i)*time.Minute, 8192)
			}
			r.look(0)
			r.look(time.Second)
			files := r.files()
			require.Len(t, files, 40-c.gone)
			if c.gone > 0 {
				require.Equal(t, "16.mp4", files[0], "the oldest went")
				require.Equal(t, c.gone, strings.Count(r.log.String(), "cause=inodes"))
			}
			require.Empty(t, r.k.Stopped(), "stopping a recording gives none back")
		})
	}
}

// TestInodesThatAnotherProgramTakesCostLittle checks that deletion pauses when another program
// takes each freed inode at once.
func TestInodesThatAnotherProgramTakesCostLittle(t *testing.T) {
	r := newFixture(t, Policy{DiskMaxPercent: 90})
	disk := r.k.deps.Disk
	r.k.deps.Disk = func(dir string) (filesystem.Capacity, error) {
		s, err := disk(dir)
		s.Inodes = 60
		return s, err
	}
	for i := range 40 {
		r.put(fmt.Sprintf("%02d.mp4", i), "live/a", day-time.Duration(i)*time.Minute, 8192)
	}
	for range 5 {
		r.look(time.Second)
	}
	require.Len(t, r.files(), 40-16)
	require.Equal(t, 1, strings.Count(r.log.String(), "gives no inodes back"))
}
