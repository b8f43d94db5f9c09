package mp4

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/sinks/mp4/disk"
	"github.com/gospool/spool/sinks/mp4/powercut"
)

// TestAllKeyFramesAreOneWriteAndOneSyncASecond checks that a stream of key frames causes one write and
// one sync per flush interval, and that large frames cause more writes but no more syncs.
func TestAllKeyFramesAreOneWriteAndOneSyncASecond(t *testing.T) {
	t.Parallel()
	for _, fragment := range []bool{false, true} {
		for _, c := range []struct{ fps, gop, picture, maxBytes, writes int }{
			{25, 1, 50, 0, 10}, {60, 1, 50, 0, 10}, {1000, 1, 20, 0, 10}, {25, 2, 50, 0, 11},
			{60, 1, 5000, 100_000, 30}, // 20 of 60 frames in each chunk
			{60, 60, 5000, 100_000, 30},
		} {
			pool := media.NewCheckedPool()
			scene := synthetic{fps: c.fps, gop: c.gop, picture: c.picture, flush: time.Second, chunks: c.writes, maxBytes: c.maxBytes, constantFrame: true}
			set, chunks := scene.make(t, pool)
			chunks[len(chunks)-1].Release() // cut where the scene ends
			chunks = chunks[:c.writes]
			cfg := Defaults()
			cfg.Fragment = fragment
			faulty := &faultFS{}
			s := newSession(t, cfg, func(d disk.FS) disk.FS { faulty.FS = d; return faulty })
			require.NoError(t, s.Open(context.Background()))
			seg := segment(set, 1)
			require.NoError(t, s.put(seg, chunks))
			n := map[string]int{}
			for _, op := range faulty.log {
				n[op]++
			}
			require.Equal(t, c.writes+1, n["writev"], "%+v: the header, and the chunks", c)
			require.InDelta(t, 10, n["datasync"], 1, "%+v", c)
			require.NoError(t, s.end(seg, endcause.Stop))
			require.NoError(t, s.Close())
			require.Zero(t, pool.Outstanding(), pool.Leaks())
		}
	}
}

// TestAChunkWithoutAnythingEndsAFlushInterval checks that the last chunk of a flush interval may
// have no samples of the recorded tracks.
func TestAChunkWithoutAnythingEndsAFlushInterval(t *testing.T) {
	pool := media.NewCheckedPool()
	set, chunks := synthetic{fps: 10, gop: 10, picture: 50, flush: time.Second, chunks: 2}.make(t, pool)
	faulty := &faultFS{}
	s := newSession(t, Defaults(), func(d disk.FS) disk.FS { faulty.FS = d; return faulty })
	require.NoError(t, s.Open(context.Background()))
	seg := segment(set, 1)
	syncs := func() (n int) {
		for _, op := range faulty.log {
			if op == "datasync" {
				n++
			}
		}
		return n
	}
	nothing := func(more bool) *media.Chunk {
		c := pool.NewChunk(set, 0, make([]int, len(set.Tracks)))
		c.More = more
		pool.Seal(c)
		return c
	}
	chunks[0].More = true
	for _, c := range chunks[1:] {
		c.Release()
	}
	for i, step := range []struct {
		c    *media.Chunk
		want int
	}{{nothing(false), 0}, {chunks[0], 0}, {nothing(true), 0}, {nothing(false), 1}, {nothing(false), 1}} {
		require.NoError(t, s.Process(context.Background(), media.Part{Segment: seg, First: i == 0, Chunk: step.c}, s.emit))
		require.Equal(t, step.want, syncs(), "behind chunk %d", i)
	}
	require.NoError(t, s.end(seg, endcause.Stop))
	require.NoError(t, s.Close())
	require.Zero(t, pool.Outstanding(), pool.Leaks())
}

// TestEachOfSeveralKeyFramesInAChunkIsOne checks that every reader finds each key frame.
func TestEachOfSeveralKeyFramesInAChunkIsOne(t *testing.T) {
	t.Parallel()
	for _, gop := range []int{1, 2} {
		src := record(t, recipe{codec: "libx264", seconds: 3, gop: gop})
		for _, fragment := range []bool{false, true} {
			cfg := Defaults()
			cfg.Fragment, cfg.FragmentDuration = fragment, 1
			s := newSession(t, cfg, nil)
			rec := s.record(t, src, media.NewCheckedPool(), nil)
			requireSame(t, src, s.path(rec))
			requirePlays(t, s.path(rec))
			at, err := KeyFrame(s.path(rec), time.Unix(0, rec.StartUTC).Add(1290*time.Millisecond))
			require.NoError(t, err)
			frame := time.Second / 25
			require.Equal(t, 1290*time.Millisecond/frame/time.Duration(gop)*time.Duration(gop)*frame, at.Sub(time.Unix(0, rec.StartUTC)))
		}
	}
}

// largePictures are all key frames, five of which fill a chunk, and ten a flush interval: every second
// chunk is synced.
var largePictures = synthetic{fps: 10, gop: 1, picture: 300, flush: time.Second, chunks: 6, maxBytes: 1700}

// TestPowerCutWithinAFlushInterval checks that chunks that are synced together are durable together,
// and that each of these syncs is needed.
func TestPowerCutWithinAFlushInterval(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"moov first", "fragmented"} {
		t.Run(form, func(t *testing.T) {
			run := recordTake(t, form, 0, largePictures)
			run.holes = true
			require.Len(t, run.chunks, 7)
			for s := range run.disk.States(powercut.Options{Seed: 1, Random: 30}) {
				require.NoError(t, run.verify(s), "cut after operation %d, %s", s.Cut, s.What)
			}
			syncs, _ := run.disk.Syncs()
			normal, _ := recordOnDisk(t, form, 0).disk.Syncs()
			require.Equal(t, normal-1, syncs, "of seven chunks four end a flush interval; of the others' five each does")
			for n := 1; n <= syncs; n++ {
				run, caught := recordTake(t, form, n, largePictures), false
				run.holes = true
				for s := range run.disk.States(powercut.Options{Seed: 1, Random: 100}) {
					if caught = noticed(run.verify(s), n, syncs) != nil; caught {
						break
					}
				}
				_, what := run.disk.Syncs()
				require.True(t, caught, "no state shows that sync %d is missing: %s", n, what)
			}
		})
	}
}
