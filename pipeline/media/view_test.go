package media

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// pictureAndSound returns one chunk of two pictures and four frames of sound; the first of these begins 20 ms after the
// first picture.
func pictureAndSound(t testing.TB, pool *Pool) *Chunk {
	t.Helper()
	var out *Chunk
	b := NewBuilder(pool, BuilderConfig{}, func(c *Chunk) { out = c })
	b.SetTracks(setOf(t, video(), audio()))
	scale := int64(b.Set().Tracks[1].Timescale)
	for n := range int64(2) {
		require.NoError(t, b.Append(0, &AU{DTS: n * 9000, PTS: n * 9000, UTC: 1e18 + n*1e8, MonoNS: n * 1e8, Sync: n == 0, Payload: [][]byte{{byte(n), 1, 2}}}))
	}
	for n := range int64(4) {
		at := scale/50 + n*1024
		require.NoError(t, b.Append(1, &AU{DTS: at, PTS: at, UTC: 1e18, MonoNS: 2e7, Payload: [][]byte{{0xa0, byte(n)}}}))
	}
	b.Flush()
	return out
}

// first is the first byte of a track's payload.
func first(c *Columns) *byte { return &c.Payload.Blocks()[0][0] }

func TestViewSharesThePayload(t *testing.T) {
	pool := NewCheckedPool()
	c := pictureAndSound(t, pool)
	held := pool.Memory()
	pictures, seq, utc := c.Tracks[0], c.Seq, c.UTC
	v := pool.View(c, setOf(t, video()), []int{0})
	require.Len(t, v.Tracks, 1)
	require.Same(t, first(&pictures), first(&v.Tracks[0]))
	require.Equal(t, pictures, v.Tracks[0])
	require.True(t, v.StartsGOP)
	require.Equal(t, [2]any{seq, utc}, [2]any{v.Seq, v.UTC})
	require.Equal(t, held, pool.Memory(), "the same memory is not counted twice")
	require.Equal(t, c.MemoryBytes(), v.MemoryBytes())
	require.EqualValues(t, 2, pool.Outstanding())
	v.Release()
	require.Zero(t, pool.Outstanding(), "with the view goes its reference")
	require.Zero(t, pool.Memory())
}

func TestViewsOutliveTheChunkThatTheyShow(t *testing.T) {
	pool := NewCheckedPool()
	c := pictureAndSound(t, pool)
	pictures, sound := pool.View(c.Retain(), setOf(t, video()), []int{0}), pool.View(c, setOf(t, audio()), []int{1})
	pictures.Release()
	require.Equal(t, []byte{0xa0, 0, 0xa0, 1, 0xa0, 2, 0xa0, 3}, sound.Tracks[0].Payload.Append(nil), "a released payload is overwritten by this pool")
	other := pool.View(sound.Retain(), setOf(t, audio()), []int{0}) // of a view
	sound.Release()
	require.Equal(t, byte(0xa0), *first(&other.Tracks[0]))
	other.Release()
	require.Zero(t, pool.Outstanding())
	require.Zero(t, pool.Memory())
}

func TestViewWithAnotherLeadBeginsItsOwnGOPs(t *testing.T) {
	pool := NewCheckedPool()
	v := pool.View(pictureAndSound(t, pool), setOf(t, audio()), []int{1})
	require.True(t, v.StartsGOP, "every frame of sound is a beginning")
	require.EqualValues(t, int64(1e18)+2e7, v.UTC, "of the first frame of sound")
	v.Release()

	silent := pictureAndSound(t, pool)
	silent.Tracks[1] = Columns{}
	v = pool.View(silent, setOf(t, audio()), []int{1})
	require.False(t, v.StartsGOP)
	require.Zero(t, v.AccessUnits())
	require.Zero(t, v.SpanNS())
	v.Release()
	require.Zero(t, pool.Outstanding())
}

// Memory that belongs to a chunk must not be reused through its views: the pool
// would hand it out twice.
func TestReleasedViewGivesNoMemoryBackThatIsNotItsOwn(t *testing.T) {
	pool := NewPool(1 << 20)
	c := pictureAndSound(t, pool)
	want := c.Tracks[0].Payload.Append(nil)
	dts := c.Tracks[0].DTS[1]
	pool.View(c.Retain(), setOf(t, video()), []int{0}).Release()
	next := pictureAndSound(t, pool)
	require.NotSame(t, first(&c.Tracks[0]), first(&next.Tracks[0]))
	require.NotSame(t, &c.Tracks[0].DTS[0], &next.Tracks[0].DTS[0])
	require.Equal(t, want, c.Tracks[0].Payload.Append(nil))
	require.Equal(t, dts, c.Tracks[0].DTS[1])
	next.Release()
	c.Release()
	require.Zero(t, pool.Outstanding())
	require.Zero(t, pool.Memory())
}
