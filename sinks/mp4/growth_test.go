package mp4

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// account implements Growth: the length of each open file, and the final name of each closed file.
type account struct {
	open   map[string]int64
	closed map[string]string
	told   int
}

func (a *account) Grew(file, stream string, bytes int64) {
	if stream != "live/cam" {
		panic(fmt.Sprintf("%s is of stream %q", file, stream))
	}
	a.open[file] = bytes
	a.told++
}

func (a *account) Closed(file, as string) { delete(a.open, file); a.closed[file] = as }

func TestGrowthIsToldWithEachChunkAndAtTheEnd(t *testing.T) {
	src, pool := record(t, avc(5)), media.NewCheckedPool()
	a := &account{map[string]int64{}, map[string]string{}, 0}
	s := newSession(t, Defaults(), nil)
	s.growth = a
	set, chunks := src.chunks(t, pool, time.Second, nil)
	require.NoError(t, s.Open(t.Context()))
	seg, n := segment(set, 1), len(chunks)
	for i, c := range chunks {
		require.NoError(t, s.Process(t.Context(), media.Part{Segment: seg, First: i == 0, Chunk: c}, s.emit))
		info, err := os.Stat(s.path(s.last()))
		require.NoError(t, err)
		require.Equal(t, map[string]int64{s.path(s.last()): info.Size()}, a.open)
	}
	require.Equal(t, 1+n, a.told, "the header, and each chunk")
	part := s.path(s.last())
	require.NoError(t, s.end(seg, endcause.Stop))
	require.Empty(t, a.open)
	require.Equal(t, map[string]string{part: s.path(s.last())}, a.closed)
	require.NoError(t, s.Close())

	// If the disk fails from the first write on, the file is removed, and that is reported.
	a.closed = map[string]string{}
	failing := newSession(t, Defaults(), func(inner disk.FS) disk.FS { return &faultFS{FS: inner, fault: failOnce("writev", 0, unix.EIO)} })
	failing.growth = a
	set, chunks = src.chunks(t, pool, time.Second, nil)
	require.NoError(t, failing.Open(t.Context()))
	require.NoError(t, failing.put(segment(set, 1), chunks))
	require.ErrorContains(t, failing.outageError(), unix.EIO.Error())
	require.Empty(t, a.open)
	require.Len(t, a.closed, 1)
	require.Empty(t, files(failing.dir))
	require.NoError(t, failing.Close())

	// An abort leaves the file under its growing name.
	aborted := newSession(t, Defaults(), nil)
	aborted.growth = a
	set, chunks = src.chunks(t, pool, time.Second, nil)
	require.NoError(t, aborted.Open(t.Context()))
	require.NoError(t, aborted.put(segment(set, 1), chunks))
	require.NoError(t, aborted.Close())
	require.Empty(t, a.open)
	left := filepath.Join(aborted.dir, aborted.last().Path)
	require.Equal(t, left, a.closed[left])
	require.Zero(t, pool.Outstanding(), pool.Leaks())
}
