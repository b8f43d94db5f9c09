package retention

import (
	"io/fs"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"
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
