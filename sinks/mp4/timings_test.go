package mp4

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// tally implements Timings and counts the calls.
type tally struct{ wrote, synced, finished int }

func (t *tally) Wrote(time.Duration)    { t.wrote++ }
func (t *tally) Synced(time.Duration)   { t.synced++ }
func (t *tally) Finished(time.Duration) { t.finished++ }

func TestTheDiskIsTimedOnceAChunkAndOnceAFile(t *testing.T) {
	for policy, synced := range map[string]int{syncChunk: 1, syncSegment: 0} {
		var told tally
		cfg := Defaults()
		cfg.Sync = policy
		s := newSession(t, cfg, nil)
		s.timings = &told
		pool := pipelinetest.Pool(t)
		set, chunks := record(t, avc(5)).chunks(t, pool, time.Second, nil)
		require.NoError(t, s.Open(t.Context()))
		seg, n := segment(set, 1), len(chunks)
		require.NoError(t, s.put(seg, chunks))
		require.NoError(t, s.end(seg, endcause.Stop))
		require.Equal(t, tally{wrote: n, synced: synced * n, finished: 1}, told, policy)
		require.NoError(t, s.Close())
	}
}
