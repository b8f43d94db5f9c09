package retention

import (
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/filesystem"
)

type described struct {
	fs.FileInfo
	size int64
	stat syscall.Stat_t
}

func (d described) Size() int64 { return d.size }
func (d described) Sys() any    { return &d.stat }

// TestRoomThatADeletionGivesBack checks a file system that does not report a file's blocks: its
// files must count with their length, or all would be deleted in vain.
func TestRoomThatADeletionGivesBack(t *testing.T) {
	require.EqualValues(t, 4096, space(described{size: 100, stat: syscall.Stat_t{Nlink: 1, Blocks: 8}}))
	require.EqualValues(t, 0, space(described{size: 100, stat: syscall.Stat_t{Nlink: 2, Blocks: 8}}))
	require.EqualValues(t, 100, space(described{size: 100, stat: syscall.Stat_t{Nlink: 1}}))
}

func TestRoomIsUpToTheLimits(t *testing.T) {
	const gib = int64(1) << 30
	disk := filesystem.Capacity{TotalBytes: 110 * gib, UsableBytes: 100 * gib, FreeBytes: 40 * gib}
	for _, c := range []struct {
		policy Policy
		want   int64
	}{
		{Policy{}, 39 * gib},
		{Policy{Limits: Limits{MinFreeBytes: 30 * gib}}, 10 * gib},
		{Policy{DiskMaxPercent: 80}, 20 * gib},
		{Policy{DiskMaxPercent: 50}, -10 * gib},
		{Policy{Streams: map[string]StreamPolicy{"a": {Limits: Limits{MinFreeBytes: 35 * gib}}, "b": {}}}, 5 * gib},
		{Policy{Limits: Limits{MinFreeBytes: 200 * gib}}, 39 * gib},
	} {
		require.Equal(t, c.want, c.policy.Room(disk), "%+v", c.policy)
	}
	small := filesystem.Capacity{UsableBytes: 2000, FreeBytes: 500}
	require.EqualValues(t, 400, (&Policy{}).Room(small))
}
