package filesystem

import (
	"io/fs"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"
)

// Blocks that only root may use count neither as used nor as free.
func TestCapacityIsCountedAsDfDoes(t *testing.T) {
	has := capacity(&unix.Statfs_t{Bsize: 4096, Blocks: 100, Bfree: 30, Bavail: 25, Files: 50, Ffree: 40, Flags: unix.ST_RDONLY})
	require.Equal(t, Capacity{TotalBytes: 100 * 4096, UsableBytes: 95 * 4096, FreeBytes: 25 * 4096, Inodes: 50, FreeInodes: 40, ReadOnly: true}, has)
	require.EqualValues(t, 70*4096, has.UsedBytes())
	require.False(t, capacity(&unix.Statfs_t{}).ReadOnly)

	require.False(t, has.NoInodes())
	require.True(t, Capacity{Inodes: 5}.NoInodes())
	require.False(t, Capacity{}.NoInodes(), "inodes are not bounded there")
}

func TestADirectoryReportsItsCapacity(t *testing.T) {
	dir := t.TempDir()
	has, err := CapacityOf(dir)
	require.NoError(t, err)
	require.Positive(t, has.TotalBytes)
	require.LessOrEqual(t, has.FreeBytes, has.UsableBytes)
	_, err = CapacityOf(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, fs.ErrNotExist)
}
