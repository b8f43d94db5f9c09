package mp4

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// TestAChunkIsOneWriteAndAtMostOneSync counts all operations of chunks within a file.
func TestAChunkIsOneWriteAndAtMostOneSync(t *testing.T) {
	const first = 10
	for _, fragment := range []bool{false, true} {
		for sync, syncs := range map[string]int{syncNone: 0, syncChunk: 1, syncSegment: 0} { // of each chunk
			t.Run(fmt.Sprintf("fragment %v, sync %s", fragment, sync), func(t *testing.T) {
				pool, cfg := media.NewPool(1<<20), Defaults()
				cfg.Fragment, cfg.Sync, cfg.RecordPath = fragment, sync, memory(t)
				var ops *faultFS
				s := newSession(t, cfg, func(d disk.FS) disk.FS { ops = &faultFS{FS: d}; return ops })
				set, all := synthetic{fps: 30, gop: 30, picture: 100, sound: true, flush: time.Second, chunks: 200}.make(t, pool)
				require.NoError(t, s.Open(context.Background()))
				seg := segment(set, 1)
				require.NoError(t, s.put(seg, all[:first]))
				ops.log = nil
				chunks := len(all) - first
				for _, c := range all[first:] {
					require.NoError(t, s.Process(context.Background(), media.Part{Segment: seg, Chunk: c}, s.emit))
				}
				count := map[string]int{}
				for _, op := range ops.log {
					count[op]++
				}
				require.Equal(t, chunks, count["write"]+count["writev"], "%v", count)
				require.Equal(t, syncs*chunks, count["datasync"], "%v", count)
				require.Len(t, ops.log, chunks+syncs*chunks, "nothing else: %v", count)
				require.NoError(t, s.Close())
			})
		}
	}
}

// openCounter records the names of the files that are opened.
type openCounter struct {
	disk.FS
	opened []string
}

func (o *openCounter) Open(name string) (disk.File, error) {
	o.opened = append(o.opened, name)
	return o.FS.Open(name)
}

func (o *openCounter) OpenRead(name string) (disk.File, error) {
	o.opened = append(o.opened, name)
	return o.FS.OpenRead(name)
}

func (o *openCounter) Stat(name string) (fs.FileInfo, error) {
	o.opened = append(o.opened, name)
	return o.FS.Stat(name)
}

// TestRecoveryOpensNoFinishedFile: a start must not take longer the more recordings there are.
func TestRecoveryOpensNoFinishedFile(t *testing.T) {
	opened := func(finished int) []string {
		dir := memory(t)
		for i := range finished {
			require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("%04d.mp4", i)), nil, 0o600))
		}
		for i := range 3 {
			require.NoError(t, os.WriteFile(filepath.Join(dir, fmt.Sprintf("grown%d.mp4.part", i)), grownFile(), 0o600))
		}
		d, err := disk.Open(dir)
		require.NoError(t, err)
		defer d.Close()
		o, recovered := &openCounter{FS: d}, 0
		require.NoError(t, recoverDir(t.Context(), o, dir, func(r Repaired) {
			require.NoError(t, r.Err)
			recovered++
		}))
		require.Equal(t, 3, recovered)
		return o.opened
	}
	few, many := opened(10), opened(1000)
	require.Len(t, many, len(few), "whatever the number of finished files")
	for _, name := range many {
		require.True(t, strings.HasPrefix(name, "grown"), name)
	}
}
