package mp4

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/powercut"
	"github.com/gospool/spool/sinks/mp4/sampleindex"
)

// With sync: none, a whole recording waits for the disk at no time: neither for its chunks, nor for its end, its name
// and its sample index.
func TestSyncNoneSyncsNothing(t *testing.T) {
	for name, form := range forms {
		t.Run(name, func(t *testing.T) {
			simulated := powercut.New()
			cfg := Defaults()
			cfg.Fragment, cfg.Sync = form.fragment, syncNone
			s := newSession(t, cfg, nil)
			s.openFS = func(string) (disk.FS, error) { return cutFS{simulated}, nil }
			s.indexes = func(disk.FS, string) sampleindex.Store { return indexesOn(simulated) }
			s.reserve = smallReserve(name)
			set, chunks := scene(name, 0).make(t, media.NewCheckedPool())
			require.NoError(t, s.Open(context.Background()))
			opened, _ := simulated.Syncs()
			seg := segment(set, 1)
			for i, c := range chunks {
				require.NoError(t, s.Process(context.Background(), media.Part{Segment: seg, First: i == 0, Chunk: c}, s.emit))
			}
			require.NoError(t, s.end(seg, endcause.Stop))
			syncs, _ := simulated.Syncs()
			require.Equal(t, opened, syncs)
			ids, err := indexesOn(simulated).Recordings(10)
			require.NoError(t, err)
			require.Len(t, ids, 1, "its index is written")
		})
	}
}
