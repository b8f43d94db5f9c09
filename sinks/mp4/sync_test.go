package mp4

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
)

// crowd makes the chunks of all other builders of the pool end early, until free is called.
func crowd(t *testing.T, pool *media.Pool, set *media.TrackSet) (free func()) {
	t.Helper()
	b := media.NewBuilder(pool, media.BuilderConfig{MaxBytes: 1 << 30}, (*media.Chunk).Release)
	b.SetTracks(set)
	require.NoError(t, b.Append(0, &media.AU{Sync: true, Framed: true, Payload: [][]byte{make([]byte, 9<<20)}}))
	return b.Flush
}

// TestChunksThatEndEarlyNeedNoSync checks that chunks which end early cost a write each, but one sync a flush interval,
// that no more than a flush interval is ever unsynced, and that an unsynced chunk is not reported as durable.
func TestChunksThatEndEarlyNeedNoSync(t *testing.T) {
	for _, fragment := range []bool{false, true} {
		pool, cfg := media.NewPool(1<<20), Defaults()
		cfg.Fragment, cfg.RecordPath = fragment, memory(t)
		set, none := synthetic{fps: 1, gop: 1, picture: 1, chunks: 1}.make(t, pool)
		none[0].Release()
		none[1].Release()
		free := crowd(t, pool, set)
		set, chunks := synthetic{fps: 25, gop: 50, picture: 20_000, flush: time.Second, chunks: 60}.make(t, pool)
		free()
		var ops *faultFS
		s := newSession(t, cfg, func(d disk.FS) disk.FS { ops = &faultFS{FS: d}; return ops })
		require.NoError(t, s.Open(context.Background()))
		seg, early := segment(set, 1), 0
		for i, c := range chunks {
			more, syncs := c.More, 0
			ops.log = nil
			require.NoError(t, s.Process(context.Background(), media.Part{Segment: seg, First: i == 0, Chunk: c}, s.emit))
			for _, op := range ops.log {
				if op == "datasync" {
					syncs++
				}
			}
			unsynced := s.stats.written.Load() - s.stats.durable.Load()
			if !more {
				require.Equal(t, 1, syncs, "chunk %d", i)
				require.Zero(t, unsynced, "chunk %d", i)
				continue
			}
			early++
			require.Zero(t, syncs, "chunk %d", i)
			require.Positive(t, unsynced, "chunk %d", i)
			if s.stats.durable.Load() != 0 {
				require.Less(t, unsynced, int64(time.Second), "chunk %d", i)
			}
		}
		require.Greater(t, early, len(chunks)/2)
		require.NoError(t, s.end(seg, endcause.Stop))
		require.NoError(t, s.Close())
		require.Zero(t, pool.Outstanding())
	}
}

// TestADroppedChunkDefersNoSync drops the chunk that ends a flush interval: the next chunk is synced, although it does
// not end its own.
func TestADroppedChunkDefersNoSync(t *testing.T) {
	pool := media.NewCheckedPool()
	set, chunks := synthetic{fps: 10, gop: 10, picture: 50, flush: time.Second, chunks: 3}.make(t, pool)
	s := newSession(t, Defaults(), nil)
	require.NoError(t, s.Open(context.Background()))
	seg := segment(set, 1)
	chunks[0].More, chunks[2].More = true, true
	for _, c := range append(chunks[3:], chunks[1]) {
		c.Release()
	}
	require.NoError(t, s.put(seg, []*media.Chunk{chunks[0]}))
	require.Zero(t, s.stats.durable.Load())
	require.NoError(t, s.Process(context.Background(), media.Part{Segment: seg, Chunk: chunks[2]}, s.emit))
	require.Equal(t, s.stats.written.Load(), s.stats.durable.Load())
	require.NoError(t, s.end(seg, endcause.Stop))
	require.NoError(t, s.Close())
	require.Zero(t, pool.Outstanding(), pool.Leaks())
}
