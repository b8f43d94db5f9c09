package media

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// together is a number of streams of 4 Mbit/s that begin at the same moment, with 25 pictures a second.
type together struct {
	pool      *Pool
	builders  []*Builder
	chunks    int
	intervals int // chunks that end a flush interval, each of which costs a sync
	units     int
	longestNS int64
	openBytes int64 // most payload of open chunks
	usedBytes int   // most memory of blocks
}

func newTogether(t *testing.T, streams int) *together {
	s := &together{pool: NewPool(64 << 20)}
	for range streams {
		unsyncedNS := int64(0)
		b := NewBuilder(s.pool, BuilderConfig{}, func(c *Chunk) {
			s.chunks++
			s.units += c.AccessUnits()
			unsyncedNS += c.SpanNS()
			s.longestNS = max(s.longestNS, unsyncedNS)
			if !c.More {
				s.intervals++
				unsyncedNS = 0
			}
			c.Release()
		})
		b.SetTracks(setOf(t, video()))
		s.builders = append(s.builders, b)
	}
	return s
}

// send sends pictures of a size to all streams, with a key frame of 60 kB in each gop of them.
func (s *together) send(t *testing.T, pictures, gop, size int) {
	key, other := make([]byte, 60_000), make([]byte, size)
	for i := range pictures {
		at := int64(i) * 3600
		au := &AU{DTS: at, PTS: at, MonoNS: int64(i) * int64(time.Second) / 25, UTC: int64(i+1) * int64(time.Second) / 25, Payload: [][]byte{other}}
		if i%gop == 0 {
			au.Sync, au.Payload = true, [][]byte{key}
		}
		for _, b := range s.builders {
			require.NoError(t, b.Append(0, au))
			s.openBytes, s.usedBytes = max(s.openBytes, s.pool.openBytes.Load()), max(s.usedBytes, s.pool.blocks.used)
		}
	}
	for _, b := range s.builders {
		b.Flush()
	}
	require.Zero(t, s.pool.openChunks.Load())
	require.Zero(t, s.pool.openBytes.Load())
	require.Zero(t, s.pool.Outstanding())
}

// TestStreamsThatBeganTogetherTakeBoundedMemory checks the open chunks of sixty streams in step. They would take 30 MB
// if each lasted for the flush interval. They may cost more writes, but not more syncs, except where a flush interval
// that was to hold whole GOPs ends within one.
func TestStreamsThatBeganTogetherTakeBoundedMemory(t *testing.T) {
	for _, gop := range []int{50, 10, 1} { // 2 s, 0.4 s; key frames only
		s := newTogether(t, 60)
		s.send(t, 500, gop, 19_000)
		require.LessOrEqual(t, s.openBytes, int64(crowdedBytes+60*60_000), "gop %d", gop)
		require.LessOrEqual(t, s.usedBytes, crowdedBytes+60*60_000+60*maxBlock, "gop %d", gop)
		require.Equal(t, 60*500, s.units, "nothing is lost")
		require.LessOrEqual(t, s.longestNS, int64(time.Second), "gop %d: no more than the flush interval is unsynced", gop)
		require.Greater(t, s.chunks, s.intervals, "gop %d", gop)
		require.Less(t, s.chunks, 60*20*8, "gop %d", gop)

		few := newTogether(t, 6)
		few.send(t, 500, gop, 19_000)
		require.LessOrEqual(t, s.intervals, 12*few.intervals, "gop %d: syncs of each stream", gop)
		t.Logf("gop %d: %d chunks, %d syncs; alone %d syncs", gop, s.chunks, s.intervals, 10*few.intervals)
	}
}

// TestFewStreamsEndNoChunkEarly checks that chunks last for the flush interval while memory is not crowded.
func TestFewStreamsEndNoChunkEarly(t *testing.T) {
	s := newTogether(t, 12)
	s.send(t, 500, 50, 19_000)
	require.Equal(t, 12*20, s.chunks)
	require.Equal(t, s.chunks, s.intervals)
	require.Less(t, s.openBytes, int64(crowdedBytes))
}

// TestManyStreamsEndFewChunksEarly checks 300 streams of 2 Mbit/s in step: the number of writes grows little, and the
// memory of open chunks is bounded nevertheless. Their chunks would take 75 MB if each lasted for the flush interval.
func TestManyStreamsEndFewChunksEarly(t *testing.T) {
	const streams = 300
	s := newTogether(t, streams)
	s.send(t, 250, 50, 9000)
	require.Less(t, s.chunks, streams*10*3/2)
	require.LessOrEqual(t, s.intervals, streams*10)
	require.LessOrEqual(t, s.longestNS, int64(time.Second))
	require.LessOrEqual(t, s.openBytes, int64(crowdedBytes+(streams-fewChunks)*crowdedChunkBytes+streams*60_000))
	t.Logf("%d chunks, %d syncs, at most %d bytes", s.chunks, s.intervals, s.openBytes)
}
