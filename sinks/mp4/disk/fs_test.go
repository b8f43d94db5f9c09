package disk

import (
	"testing"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/filesystem"
)

// TestAFullDiskRefusesNothing checks that ENOSPC does not count as an unsupported call, which a
// fallback would replace.
func TestAFullDiskRefusesNothing(t *testing.T) {
	d, err := Open(t.TempDir())
	require.NoError(t, err)
	defer d.Close()
	name := func(int, string, string) error { return unix.ENOSPC }
	other := func(int) error { return unix.ENOSPC }
	d.Calls = filesystem.Calls{
		Renameat2: name, Linkat: name, Flock: other, Fdatasync: other, Fsync: other, FsyncDir: other,
		Fallocate: func(int, uint32, int64, int64) error { return unix.ENOSPC },
	}
	_, err = d.Create("a")
	require.ErrorIs(t, err, unix.ENOSPC)
	d.Calls.Flock = nil
	require.NoError(t, d.Remove("a"))
	f, err := d.Create("a")
	require.NoError(t, err)
	defer f.Close()
	require.ErrorIs(t, f.Allocate(0, 1), unix.ENOSPC)
	require.ErrorIs(t, f.Datasync(), unix.ENOSPC)
	require.ErrorIs(t, f.Sync(), unix.ENOSPC)
	require.ErrorIs(t, d.SyncDir("."), unix.ENOSPC)
	require.ErrorIs(t, d.Rename("a", "b"), unix.ENOSPC)
}
