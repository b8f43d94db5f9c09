package mp4

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// TestInUse checks that a growing file is in use, that a finished file and one
// that a crash left are not, and that a file of unknown state is.
func TestInUse(t *testing.T) {
	src, pool := record(t, avc(2)), media.NewCheckedPool()
	s := newSession(t, Defaults(), nil)
	set, chunks := src.chunks(t, pool, time.Second, nil)
	seg := segment(set, 1)
	require.NoError(t, s.Open(t.Context()))
	require.NoError(t, s.put(seg, chunks))
	growing := s.path(s.last())
	require.True(t, disk.InUse(growing))

	other, err := disk.Open(s.dir) // as another process would have it
	require.NoError(t, err)
	defer other.Close()
	left, err := other.Create("left.mp4.part")
	require.NoError(t, err)
	require.True(t, disk.InUse(filepath.Join(s.dir, "left.mp4.part")))
	require.NoError(t, left.Close())
	require.False(t, disk.InUse(filepath.Join(s.dir, "left.mp4.part")))

	require.NoError(t, s.end(seg, endcause.Stop))
	require.NoError(t, s.Close())
	require.False(t, disk.InUse(s.path(s.last())))
	require.True(t, disk.InUse(growing), "it is not there any more")
	require.Zero(t, pool.Outstanding(), pool.Leaks())
}
