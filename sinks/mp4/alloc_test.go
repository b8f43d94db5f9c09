package mp4

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// TestSteadyStateAllocatesNothingPerAccessUnit permits only the blocks of the tables' columns, one in
// hundreds of access units.
func TestSteadyStateAllocatesNothingPerAccessUnit(t *testing.T) {
	for _, c := range []struct {
		fragment bool
		gop      int
	}{{false, 30}, {true, 30}, {false, 1}, {true, 2}} {
		pool, cfg := media.NewPool(1<<20), Defaults()
		cfg.Fragment, cfg.Sync, cfg.RecordPath = c.fragment, syncNone, memory(t)
		s := newSession(t, cfg, nil)
		set, chunks := synthetic{fps: 30, gop: c.gop, picture: 100, sound: true, flush: time.Second, chunks: 220}.make(t, pool)
		require.NoError(t, s.Open(context.Background()))
		seg := segment(set, 1)
		require.NoError(t, s.put(seg, chunks[:10]))
		chunks = chunks[10:]
		before := s.file.units
		emit := s.emit
		perChunk := testing.AllocsPerRun(200, func() {
			p := media.Part{Segment: seg, Chunk: chunks[0]}
			chunks = chunks[1:]
			if err := s.Process(context.Background(), p, emit); err != nil {
				t.Fatal(err)
			}
		})
		units := float64(s.file.units-before) / 201
		require.Greater(t, units, 70.0)
		require.LessOrEqual(t, perChunk, 1.0, "allocations a chunk of %v access units", units)
		for _, c := range chunks {
			c.Release()
		}
		require.NoError(t, s.Close())
		require.Zero(t, pool.Outstanding())
	}
}
