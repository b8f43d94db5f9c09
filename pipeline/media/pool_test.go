package media

import (
	"bytes"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
)

// chunkOf builds one chunk of one access unit.
func chunkOf(t testing.TB, pool *Pool, payload []byte) *Chunk {
	var out *Chunk
	b := NewBuilder(pool, BuilderConfig{}, func(c *Chunk) { out = c })
	b.SetTracks(setOf(t, audio()))
	require.NoError(t, b.Append(0, &AU{Payload: [][]byte{payload}}))
	b.Flush()
	return out
}

func TestFreeMemoryHasABound(t *testing.T) {
	const bound = 1 << 20
	pool := NewPool(bound)
	var chunks []*Chunk
	for n := range 200 {
		chunks = append(chunks, chunkOf(t, pool, make([]byte, 100<<(n%12))))
	}
	held := int64(0)
	for _, c := range chunks {
		held += int64(c.MemoryBytes())
	}
	require.Equal(t, held, pool.Memory())
	for _, c := range chunks {
		c.Release()
	}
	require.Zero(t, pool.Memory())
	require.Zero(t, pool.Outstanding())
	require.LessOrEqual(t, pool.idle(), bound)
	require.Greater(t, pool.idle(), bound/2, "free memory is kept, too")
	require.Equal(t, pool.idle(), idleBytes(pool))
	again := chunkOf(t, pool, make([]byte, 100))
	require.Equal(t, pool.idle(), idleBytes(pool))
	again.Release()
	require.Equal(t, pool.idle(), idleBytes(pool))
}

// idleBytes counts the idle bytes that a pool actually retains.
func idleBytes(p *Pool) int {
	n := 0
	for _, size := range p.blocks.backed {
		for _, b := range size {
			n += cap(b)
		}
	}
	for _, c := range p.chunks {
		n += c.MemoryBytes()
	}
	return n
}

func TestMemoryComesBack(t *testing.T) {
	pool := NewPool(1 << 20)
	c := pool.NewMark(nil, 9, Mark{Kind: MarkEnd})
	c.Gap.Cause = GapOverload
	c.Release()
	c = chunkOf(t, pool, make([]byte, 15000))
	require.Nil(t, c.Mark)
	require.Zero(t, c.Gap)
	at := first(&c.Tracks[0])
	c.Release()
	again := chunkOf(t, pool, make([]byte, 15001))
	defer again.Release()
	require.Same(t, at, first(&again.Tracks[0]))
	require.Same(t, c, again)
}

func TestLeakIsNamed(t *testing.T) {
	pool := NewCheckedPool()
	c := chunkOf(t, pool, []byte("x"))
	mark := pool.NewMark(nil, 7, Mark{Kind: MarkEnd, End: endcause.Stop})
	require.EqualValues(t, 2, pool.Outstanding())
	require.Contains(t, pool.Leaks(), "chunkOf", "the stack that took it")
	require.Contains(t, pool.Leaks(), "NewMark")
	c.Release()
	mark.Release()
	require.Empty(t, pool.Leaks())
	require.Zero(t, pool.Outstanding())
}

func TestReleasedPayloadIsPoisoned(t *testing.T) {
	c := chunkOf(t, NewCheckedPool(), []byte("payload"))
	late := c.Tracks[0].Payload.Blocks()[0]
	c.Release()
	require.Equal(t, bytes.Repeat([]byte{0xdb}, 7), late)
}

func TestReferencesAreCounted(t *testing.T) {
	for name, pool := range map[string]*Pool{"checked": NewCheckedPool(), "plain": NewPool(0)} {
		t.Run(name, func(t *testing.T) {
			c := chunkOf(t, pool, []byte("payload"))
			require.Same(t, c, c.Retain())
			c.Release()
			require.Equal(t, "payload", string(c.Tracks[0].Payload.Append(nil)), "one reference is left")
			c.Release()
			require.PanicsWithValue(t, "media: chunk released twice", c.Release)
			c = chunkOf(t, pool, []byte("payload"))
			c.Release()
			require.PanicsWithValue(t, "media: Retain of a released chunk", func() { c.Retain() })
			require.Zero(t, pool.Outstanding())
		})
	}
}

func TestMarksHoldNoMemory(t *testing.T) {
	pool := NewPool(1 << 20)
	chunkOf(t, pool, make([]byte, 4000)).Release() // a mark may use its columns
	media := chunkOf(t, pool, make([]byte, 4000))
	other := chunkOf(t, pool, make([]byte, 4000))
	other.Release()
	before := pool.Memory()
	mark := pool.NewMark(media.Set, 2, Mark{Kind: MarkGap, Gap: Gap{Cause: GapOverload, Chunks: 3}})
	require.Zero(t, mark.Bytes()+mark.AccessUnits())
	require.Zero(t, mark.SpanNS())
	mark.Release()
	require.Equal(t, before, pool.Memory())
	media.Release()
	require.Zero(t, pool.Memory())
}

// Many streams and many readers share a pool; run with -race.
func TestPoolFromManyGoroutines(t *testing.T) {
	for name, pool := range map[string]*Pool{"checked": NewCheckedPool(), "plain": NewPool(1 << 18)} {
		t.Run(name, func(t *testing.T) {
			set := setOf(t, video())
			var readers, writers sync.WaitGroup
			for w := range byte(4) {
				shared := make(chan *Chunk, 16)
				for range 2 {
					readers.Go(func() {
						for c := range shared {
							payload := c.Tracks[0].Payload.Append(nil)
							if len(payload) != bytes.Count(payload, []byte{w}) {
								t.Errorf("stream %d reads memory of another", w)
							}
							c.Release()
						}
					})
				}
				writers.Go(func() {
					defer close(shared)
					b := NewBuilder(pool, BuilderConfig{}, func(c *Chunk) { shared <- c.Retain(); shared <- c })
					b.SetTracks(set)
					for i := range int64(500) {
						payload := bytes.Repeat([]byte{w}, 1+rand.IntN(9000))
						_ = b.Append(0, &AU{DTS: i * 3600, PTS: i * 3600, MonoNS: i * 4e7, Sync: i%3 == 0, Payload: [][]byte{payload}, Framed: true})
					}
					b.Flush()
				})
			}
			writers.Wait()
			readers.Wait()
			require.Zero(t, pool.Outstanding())
			require.Zero(t, pool.Memory())
			require.Empty(t, pool.Leaks())
		})
	}
}
