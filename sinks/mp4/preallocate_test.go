package mp4

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// onDisk returns the allocated size of a file in bytes.
func onDisk(t *testing.T, name string) int64 {
	info, err := os.Stat(name)
	require.NoError(t, err)
	return info.Sys().(*syscall.Stat_t).Blocks * 512
}

// roomy is a disk with the given free space.
type roomy struct {
	disk.File
	left     int64
	allocate *[]int64 // ends of the allocated ranges
}

func (r roomy) Free() (int64, error) { return r.left, nil }

func (r roomy) Allocate(off, n int64) error {
	*r.allocate = append(*r.allocate, off+n)
	return r.File.Allocate(off, n)
}

func grown(t *testing.T, free int64) (s *session, seg *media.Segment, asked []int64) {
	pool := media.NewPool(0)
	s = newSession(t, Defaults(), nil)
	set, chunks := synthetic{fps: 30, gop: 30, picture: 100_000, flush: time.Second, chunks: 8}.make(t, pool)
	seg = segment(set, 1)
	require.NoError(t, s.Open(context.Background()))
	require.NoError(t, s.put(seg, chunks[:1]))
	s.file.f, s.file.ahead = roomy{s.file.f, free, &asked}, disk.Preallocation{}
	for _, c := range chunks[1:] {
		require.NoError(t, s.Process(context.Background(), media.Part{Segment: seg, Chunk: c}, s.emit))
	}
	return s, seg, asked
}

func TestRoomAheadIsTakenInFewSteps(t *testing.T) {
	s, seg, asked := grown(t, 1<<50)
	require.Len(t, asked, 3, "for the 2nd, 4th and 8th of 8 chunks of 3 MB")
	require.Greater(t, asked[2], s.file.sizeBytes)
	rest := asked[2] - s.file.sizeBytes
	before := onDisk(t, filepath.Join(s.cfg.RecordPath, s.file.name))
	require.NoError(t, s.end(seg, endcause.Stop))
	require.NoError(t, s.Close())
	after := onDisk(t, s.path(s.last()))
	info, err := os.Stat(s.path(s.last()))
	require.NoError(t, err)
	require.LessOrEqual(t, after, info.Size()+64<<10, "what was not used is given back")
	require.Greater(t, before, info.Size()+rest/2, "the filesystem of the tests takes room")
	require.Less(t, after, before-rest/2)
}

func TestRoomIsNotTakenFromASmallDisk(t *testing.T) {
	s, seg, asked := grown(t, disk.PreallocateFromBytes-1)
	require.Empty(t, asked)
	require.NoError(t, s.end(seg, endcause.Stop))
	require.NoError(t, s.Close())
}

// TestRecoveryGivesRoomBack checks that recovery frees the blocks that a kill left behind the end of
// the file.
func TestRecoveryGivesRoomBack(t *testing.T) {
	s, _, _ := grown(t, 1<<50)
	require.NoError(t, s.Close())
	var found []Repaired
	require.NoError(t, Recover(t.Context(), s.cfg.RecordPath, func(r Repaired) { found = append(found, r) }))
	require.Len(t, found, 1)
	require.NoError(t, found[0].Err)
	name := filepath.Join(s.cfg.RecordPath, found[0].Recording.Path)
	info, err := os.Stat(name)
	require.NoError(t, err)
	require.LessOrEqual(t, onDisk(t, name), info.Size()+64<<10)
}
