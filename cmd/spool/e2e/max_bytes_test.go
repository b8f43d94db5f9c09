package e2e

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Four streams of 20 Mbit/s write retention.max_bytes many times over, in much less than the
// minute between two scans. The files never exceed the limit by more than the media that arrives
// during a deletion. Directories are removed with their files.
func TestMaxBytesHoldAtAHighRate(t *testing.T) {
	t.Parallel()
	const most, deleting, streams = 24 << 20, 72 << 20, 4 // deleting: of a busy machine, 7 s of all streams; unbounded it would be all that is written
	var config strings.Builder
	config.WriteString(`
flush_interval: 0.25
mp4: {max_duration: 1s, filename_pattern: "{stream_path}/{timestamp}/{seq}.mp4"}
retention: {max_bytes: 24MiB}
pipelines: {all: {record: always, stages: [source: {}, gop_ring: {}, segmenter: {}, mp4: {}, metadata: {}]}}
streams:
`)
	for n := range streams {
		fmt.Fprintf(&config, "  live/cam%d: {pull: \"testpattern://?size=320x180&gop=25&bitrate=20M\"}\n", n)
	}
	r := serveStatic(t, config.String())
	began, seen, total := time.Now(), int64(0), int64(0)
	eventually(t, "the limit is written six times over", func() bool {
		seen = max(seen, sizeOf(t, r.files))
		total = 0
		for n := range streams {
			total += answer[struct {
				Total int64 `json:"total_bytes"`
			}](r, "GET", fmt.Sprintf("/mp4/status/live/cam%d", n)).Total
		}
		return seen > most+deleting || total > 6*most
	})
	t.Logf("%d MiB in %v, at most %.1f of %d MiB at once", total>>20, time.Since(began).Round(time.Second), float64(seen)/(1<<20), most>>20)
	require.LessOrEqual(t, seen, int64(most+deleting))
	require.Greater(t, seen, int64(most/2), "more is deleted than is needed")
	require.Equal(t, 0, r.signal(syscall.SIGINT))
	r.allFinished()
	for _, dir := range r.dirs() {
		below, err := os.ReadDir(r.path(dir))
		require.NoError(t, err)
		require.NotEmpty(t, below, dir)
	}
}

// sizeOf returns the sum of the recordings' sizes, each counted once even if its file is renamed
// meanwhile.
func sizeOf(t *testing.T, dir string) (sum int64) {
	t.Helper()
	seen := map[uint64]bool{}
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.Contains(d.Name(), ".mp4") {
			return nil // a file that was deleted meanwhile does not count
		}
		info, err := d.Info()
		if err != nil {
			return nil
		}
		if inode := info.Sys().(*syscall.Stat_t).Ino; !seen[inode] {
			seen[inode], sum = true, sum+info.Size()
		}
		return nil
	}))
	return sum
}
