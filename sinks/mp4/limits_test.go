package mp4

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

func TestOffsetsPastFourGiB(t *testing.T) {
	src, pool := record(t, avc(8)), media.NewCheckedPool()
	s := newSession(t, Defaults(), nil)
	set, chunks := src.chunks(t, pool, time.Second, nil)
	require.NoError(t, s.Open(context.Background()))
	seg := segment(set, 1)
	require.NoError(t, s.put(seg, chunks[:4]))
	s.file.sizeBytes += 5 << 30 // a hole, as if 5 GiB had been written
	for _, c := range chunks[4:] {
		require.NoError(t, s.Process(context.Background(), media.Part{Segment: seg, Chunk: c}, s.emit))
	}
	require.NoError(t, s.end(seg, endcause.Stop))
	require.NoError(t, s.Close())
	rec := s.last()
	require.Greater(t, rec.SizeBytes, int64(5<<30))
	require.Equal(t, []string{"ftyp", "free", "moov", "free", "mdat"}, order(t, s.path(rec)))
	requireSame(t, src, s.path(rec))
	require.Zero(t, pool.Outstanding(), pool.Leaks())
}

// TestMoreFragmentsThanAnIndexHolds uses a file of one frame a chunk.
func TestMoreFragmentsThanAnIndexHolds(t *testing.T) {
	t.Parallel()
	const n = 66_000
	pool, cfg := media.NewPool(0), Defaults()
	cfg.Fragment, cfg.FragmentDuration, cfg.Sync = true, 20_000_000, syncNone
	cfg.RecordPath = memory(t)
	s := newSession(t, cfg, nil)
	set, chunks := synthetic{fps: 50, gop: 1, picture: 40, flush: 20 * time.Millisecond, chunks: n, constantFrame: true}.make(t, pool)
	seg := segment(set, 1)
	seg.MaxDuration = time.Hour
	require.NoError(t, s.Open(context.Background()))
	require.NoError(t, s.put(seg, chunks))
	require.Greater(t, len(s.file.index.done), isobmff.MaxReferences)
	require.NoError(t, s.end(seg, endcause.Stop))
	require.NoError(t, s.Close())

	boxes := order(t, s.path(s.last()))
	require.Equal(t, []string{"ftyp", "moov", "free", "moof"}, boxes[:4], "no index rather than one that hides fragments")
	require.Equal(t, "mdat", boxes[len(boxes)-1])
	seen := probeBoxes(t, s.path(s.last()))
	require.Len(t, seen.Packets, len(chunks))
}

func TestTimePastThirtyTwoBits(t *testing.T) {
	pool := media.NewCheckedPool()
	s := newSession(t, Defaults(), nil)
	set, chunks := synthetic{fps: 25, gop: 25, picture: 100, sound: true, flush: time.Second, chunks: 6}.make(t, pool)
	const day = 30 * 3600 // s, past the wrap of 32 bits at 90 kHz
	for _, c := range chunks[3:] {
		for i := range c.Tracks {
			scale := int64(set.Tracks[i].Timescale)
			for k := range c.Tracks[i].DTS {
				c.Tracks[i].DTS[k] += day / 3 * scale
			}
			c.Tracks[i].EndTicks += day / 3 * scale
		}
	}
	for n, c := range chunks[4:] { // in steps that one sample may last
		for i := range c.Tracks {
			scale := int64(set.Tracks[i].Timescale)
			for k := range c.Tracks[i].DTS {
				c.Tracks[i].DTS[k] += int64(n+1) * day / 3 * scale
			}
			c.Tracks[i].EndTicks += int64(n+1) * day / 3 * scale
		}
	}
	require.NoError(t, s.Open(context.Background()))
	seg := segment(set, 1)
	require.NoError(t, s.put(seg, chunks))
	require.NoError(t, s.end(seg, endcause.Stop))
	require.NoError(t, s.Close())
	require.InDelta(t, 40*3600.0, float64(s.last().DurationNS)/1e9, 10)
	seen := probeBoxes(t, s.path(s.last()))
	got := seen.of(0)
	require.Greater(t, got[len(got)-1].DTS, int64(39*3600*90000))
	require.Zero(t, pool.Outstanding(), pool.Leaks())
}

func TestTimeThatGoesBackIsLeftOutAndCounted(t *testing.T) {
	pool := media.NewCheckedPool()
	s := newSession(t, Defaults(), nil)
	set, chunks := synthetic{fps: 25, gop: 25, picture: 100, flush: time.Second, chunks: 4}.make(t, pool)
	again := chunks[1].Retain()
	require.NoError(t, s.Open(context.Background()))
	seg := segment(set, 1)
	require.NoError(t, s.put(seg, append(chunks, again)))
	require.NoError(t, s.end(seg, endcause.Stop))
	report := s.report()
	require.Len(t, report.Drops, 1)
	require.Equal(t, uint64(25), report.Drops[0].AccessUnits)
	seen := probeBoxes(t, s.path(s.last()))
	require.Len(t, seen.Packets, int(report.AccessUnits))
	require.NoError(t, s.Close())
	require.Zero(t, pool.Outstanding(), pool.Leaks())
}

func TestReserveFollowsTheLimits(t *testing.T) {
	cfg := Defaults()
	require.Equal(t, int64(512<<10), reserveFor(&media.Segment{}, cfg))
	hour := reserveFor(&media.Segment{MaxDuration: time.Hour}, cfg)
	require.Greater(t, hour, int64(3<<20))
	require.Less(t, hour, int64(6<<20))
	clip := reserveFor(&media.Segment{MaxDuration: 20 * time.Second}, cfg)
	require.Less(t, clip, int64(64<<10))
	require.Less(t, reserveFor(&media.Segment{MaxDuration: time.Hour, MaxBytes: 1 << 20}, cfg), hour)
	cfg.Fragment = true
	require.Greater(t, reserveFor(&media.Segment{}, cfg), int64(24*3600/5*isobmff.ReferenceBytes), "a day's, where nothing bounds the file")
	require.Less(t, reserveFor(&media.Segment{MaxDuration: 10000 * time.Hour}, cfg), int64(1<<20))
}

func TestReferencesAreNeverMerged(t *testing.T) {
	x := index{everyTicks: 1}
	for i := range int64(4) {
		x.add(700<<20, 0, i*90000, true, true)
	}
	require.Len(t, x.references(4*90000, 4), 4)
	require.Nil(t, x.references(4*90000, 3))
	require.Nil(t, x.references(4*90000, 0))

	long := index{everyTicks: 1 << 40}
	for i := range int64(4) {
		long.add(700<<20, 0, i*90000, true, i == 0)
	}
	refs := long.references(4*90000, 10)
	require.Len(t, refs, 4, "cut without a key frame before 31 bits are full")
	require.True(t, refs[0].Sync)
	require.False(t, refs[1].Sync)
}
