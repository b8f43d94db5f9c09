package yardstick

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/bench/movie"
)

// A bare write has the bytes of the movie's mdat, in one call a piece, and no room behind its end.
func TestABareWriteIsOneCallAPiece(t *testing.T) {
	m, err := movie.Pattern(movie.Spec{Codec: "h264", Bitrate: 2e6, FPS: 25, GOP: time.Second, Length: 35 * time.Second})
	require.NoError(t, err)
	for _, ahead := range []bool{false, true} {
		for _, sync := range []string{"none", "chunk", "segment"} {
			dir := t.TempDir()
			var size int64
			c, err := Measure(dir, func(dir string) error {
				err := Write{Movie: m, Flush: time.Second, Sync: sync, Ahead: ahead}.Run(dir)
				if err == nil {
					size = stat(t, filepath.Join(dir, "bare")).Size()
				}
				return err
			})
			require.NoError(t, err)
			require.Equal(t, m.Bytes, size)
			require.InDelta(t, 35, c.Writes, 5, "ahead %v, sync %s", ahead, sync) // Go's runtime writes too
			left, err := os.ReadDir(dir)
			require.NoError(t, err)
			require.Empty(t, left)
		}
	}
}

func stat(t *testing.T, path string) os.FileInfo {
	info, err := os.Stat(path)
	require.NoError(t, err)
	return info
}

func TestEachRoundBeginsWithAnotherWork(t *testing.T) {
	var order []int
	works := make([]func(string) error, 3)
	for i := range works {
		works[i] = func(string) error { order = append(order, i); return nil }
	}
	for n := range 3 {
		costs, err := Round(t.TempDir(), n, works)
		require.NoError(t, err)
		require.Len(t, costs, 3)
	}
	require.Equal(t, []int{0, 1, 2, 1, 2, 0, 2, 0, 1}, order)
}

func TestMedian(t *testing.T) {
	require.Zero(t, Median(nil))
	require.InDelta(t, 2, Median([]float64{9, 1, 2}), 0)
	require.InDelta(t, 1.5, Median([]float64{9, 1, 2, 1}), 0)
}

func TestTheFileSystemIsThatOfTheInnermostMount(t *testing.T) {
	const mounts = `22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw
23 22 0:5 / /dev rw - devtmpfs none rw
24 22 0:6 / /dev/shm rw - tmpfs none rw
25 22 0:7 / /with\040space rw - xfs /dev/vdb rw
26 24 0:8 / /dev/shm rw - ramfs none rw
a line that is none
`
	for dir, want := range map[string]string{
		"/": "ext4", "/home/x": "ext4", "/dev/null": "devtmpfs", "/dev/shm/a": "ramfs", "/with space": "xfs", "/developer": "ext4",
	} {
		require.Equal(t, want, fileSystem(mounts, dir), dir)
	}
	require.Contains(t, Machine(t.TempDir()), time.Now().Format("2006"))
}
