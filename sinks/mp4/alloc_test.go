package mp4

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// TestSteadyStateAllocatesNothingPerAccessUnit: what is left are the blocks of
// the tables' columns, one in hundreds of access units.
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

// TestTablesAreCompact: bytes of memory an access unit, over a day of 60 fps
// pictures with B-frames and of sound, were it recorded as one file.
func TestTablesAreCompact(t *testing.T) {
	var tbl table
	c := media.Columns{}
	dts := int64(0)
	for range 60 {
		c.DTS, c.Offset = append(c.DTS, 0), append(c.Offset, 0)
		c.Size, c.Flags = append(c.Size, 0), append(c.Flags, 0)
	}
	for range 3600 {
		for i := range c.DTS {
			c.DTS[i] = dts
			dts += 1500
			c.Offset[i] = int32(i*7%3+1) * 1500
			c.Size[i] = uint32(10000 + i*977%20000)
			c.Flags[i] = 0
		}
		c.Flags[0], c.End = media.FlagSync, dts
		tbl.add(&c, 0, dts)
	}
	held := 0
	for _, v := range []*varints{&tbl.deltas.col, &tbl.offsets.col, &tbl.sizes, &tbl.sync, &tbl.spans.col, &tbl.starts} {
		held += len(v.blocks) * blockBytes
	}
	require.Less(t, float64(held)/float64(tbl.n), 7.0)
	var w isobmff.Writer
	tbl.write(&w)
	require.LessOrEqual(t, len(w.B), tbl.bytes(), "the estimate makes room for all of it")
}
