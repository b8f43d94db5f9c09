package media

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// film appends pictures, a key frame every gop, in real time.
func (f *feed) film(fps, gop, bytes, n int) {
	f.t.Helper()
	for i := range int64(n) {
		dts := i * 90000 / int64(fps)
		f.now = ToNanos(dts, 90000)
		au := f.unit(dts, i%int64(gop) == 0)
		if bytes > 0 {
			au.Payload = [][]byte{make([]byte, bytes)}
		}
		require.NoError(f.t, f.Append(0, au))
	}
}

// A chunk costs a write and a sync. A camera whose pictures are all key frames, or every second one, has no more chunks
// than any other.
func TestShortGOPsShareAChunk(t *testing.T) {
	for _, c := range []struct{ fps, gop, chunks int }{
		{25, 1, 10}, {60, 1, 10}, {1000, 1, 10}, {25, 2, 11}, {30, 3, 10}, {2, 1, 10}, {1, 1, 10},
		{25, 12, 11},                             // of 0.96 s: a third GOP would be cut by the flush interval
		{25, 24, 11},                             // of 0.96 s, too
		{25, 25, 10}, {25, 50, 10}, {25, 30, 17}, // as ever: a GOP ends a chunk, and the flush interval does
	} {
		f := newFeed(t, BuilderConfig{}, video())
		f.film(c.fps, c.gop, 0, 10*c.fps)
		f.Flush()
		require.Len(t, f.out, c.chunks, "%+v", c)
		n := 0
		for _, chunk := range f.out {
			require.LessOrEqual(t, chunk.SpanNS(), int64(time.Second), "%+v", c)
			require.False(t, chunk.More)
			require.EqualValues(t, int64(1e18)+chunk.Lead().DTS[0]*1e9/90000, chunk.UTC)
			for _, flags := range chunk.Lead().Flags {
				require.Equal(t, n%c.gop == 0, flags&FlagSync != 0, "picture %d of %+v", n, c)
				n++
			}
		}
		require.Equal(t, 10*c.fps, n)
	}
}

// The begin of a file begins a chunk, even a short one.
func TestABeginOfAFileBeginsAChunk(t *testing.T) {
	for what, change := range map[string]func(*feed, *AU){
		"a gap":                   func(f *feed, _ *AU) { f.MarkGap(Gap{Cause: GapRTPLoss, DurationNS: 1}) },
		"a clock that was set":    func(_ *feed, au *AU) { au.SteppedNS = 5e9 },
		"a sender's clock's jump": func(_ *feed, au *AU) { au.DTS, au.PTS = au.DTS+90000*3600, au.PTS+90000*3600 },
		"a long time by arrival":  func(_ *feed, au *AU) { au.MonoNS += 1e9 },
	} {
		f := newFeed(t, BuilderConfig{}, video())
		f.film(25, 1, 0, 35)
		au := f.unit(35*3600, true)
		au.MonoNS = 35 * 4e7
		change(f, au)
		require.NoError(t, f.Append(0, au))
		f.Flush()
		require.Len(t, f.out, 3, what)
		require.Equal(t, 10, f.out[1].Lead().Len(), what)
		require.EqualValues(t, 35*3600, f.out[2].Lead().DTS[0], what)
		require.Equal(t, au.SteppedNS, f.out[2].SteppedNS, what)
	}
}

// Large pictures fill chunks to their size bound. A flush interval of them ends with one chunk, so that the disk is
// synced once.
func TestOneChunkEndsAFlushIntervalOfLargePictures(t *testing.T) {
	f := newFeed(t, BuilderConfig{MaxBytes: 1 << 15}, video())
	f.film(60, 1, 9600, 600)
	f.Flush()
	ends, since := 0, int64(0)
	for _, c := range f.out {
		require.LessOrEqual(t, c.Bytes(), 1<<15)
		require.LessOrEqual(t, c.Lead().EndTicks-since, int64(90000), "more than a flush interval without a chunk that ends it")
		if !c.More {
			ends, since = ends+1, c.Lead().EndTicks
		}
	}
	require.Len(t, f.out, 200)
	require.InDelta(t, 10, ends, 1)
}

// After a chunk that was cut for its size, the next chunk ends with the flush interval, however few bytes it has.
func TestAChunkEndsTheFlushIntervalOfThePreviousOne(t *testing.T) {
	f := newFeed(t, BuilderConfig{MaxBytes: 1000}, video())
	for i := range int64(50) {
		f.now = i * 4e7
		au := f.unit(i*3600, i == 0)
		if i < 10 {
			au.Payload = [][]byte{make([]byte, 195)}
		}
		require.NoError(t, f.Append(0, au))
	}
	f.Flush()
	require.True(t, f.out[0].More)
	require.True(t, f.out[1].More)
	require.False(t, f.out[2].More)
	require.EqualValues(t, 90000, f.out[2].Lead().EndTicks)
}

// After the last picture sound ends the flush interval.
func TestSoundEndsTheFlushIntervalOfTheChunkBefore(t *testing.T) {
	f := newFeed(t, BuilderConfig{MaxBytes: 2000}, video(), audio())
	for i := range int64(5) {
		f.now = i * 4e7
		au := f.unit(i*3600, i == 0)
		au.Payload = [][]byte{make([]byte, 495)}
		require.NoError(t, f.Append(0, au))
	}
	for dts := int64(4 * 1920); dts < 4*48000; dts += 1024 {
		f.now = ToNanos(dts, 48000)
		f.add(1, dts, true)
	}
	require.True(t, f.out[0].More)
	require.False(t, f.out[1].More)
	require.LessOrEqual(t, f.out[1].Tracks[1].EndTicks, int64(2*48000+1024), "as late as sound alone ends a chunk, from the begin of the interval")
	f.Flush()
}

// A late picture is not part of the interval that sound has filled.
func TestSoundAloneEndsTheFlushIntervalBeforeALatePicture(t *testing.T) {
	f := newFeed(t, BuilderConfig{MaxBytes: 2000}, video(), audio())
	au := f.unit(0, true)
	au.Payload = [][]byte{make([]byte, 1995)}
	require.NoError(t, f.Append(0, au))
	f.add(1, 4800, true)
	f.now = 1e9
	f.add(0, 90000, false)
	f.Flush()
	require.Len(t, f.out, 3)
	require.True(t, f.out[0].More)
	require.False(t, f.out[1].More)
	require.Zero(t, f.out[1].Lead().Len())
	require.Equal(t, 1, f.out[2].Lead().Len())
}

func TestSplit(t *testing.T) {
	f := newFeed(t, BuilderConfig{}, video(), audio())
	f.MarkGap(Gap{Cause: GapStall, DurationNS: 7})
	for i := range int64(10) { // 0.4 s: key frames 0, 4, 8; 19 frames of sound
		f.now = i * 4e7
		f.add(0, i*3600, i%4 == 0)
		for s := i * 1920 / 1024; s < (i+1)*1920/1024; s++ {
			f.add(1, s*1024, true)
		}
	}
	f.Flush()
	c := f.out[0]
	f.out = nil
	require.Equal(t, []int{4, 8, -1}, []int{c.NextGOP(0), c.NextGOP(4), c.NextGOP(8)})
	require.Equal(t, []int{0, 0, 4, 8}, []int{c.GOPFrom(0), c.GOPFrom(c.UTC + 16e7 - 1), c.GOPFrom(c.UTC + 16e7), c.GOPFrom(c.UTC + 1e12)})
	require.Equal(t, []int{4, 4, 8, -1}, []int{c.GOPUntil(0), c.GOPUntil(c.UTC + 16e7), c.GOPUntil(c.UTC + 16e7 + 1), c.GOPUntil(c.UTC + 1e12)})
	whole := [][]byte{c.Tracks[0].Payload.Append(nil), c.Tracks[1].Payload.Append(nil)}
	end, utc, memory := c.Tracks[1].EndTicks, c.UTC, c.MemoryBytes()

	head, rest := c.Split(4)
	require.True(t, head.StartsGOP && rest.StartsGOP)
	require.Equal(t, Gap{Cause: GapStall, DurationNS: 7}, head.Gap)
	require.True(t, rest.Gap.None())
	require.Equal(t, []int64{utc, utc + 16e7}, []int64{head.UTC, rest.UTC})
	require.Equal(t, []uint64{c.Seq, c.Seq}, []uint64{head.Seq, rest.Seq})
	require.Equal(t, []int64{0, 3600, 7200, 10800}, head.Tracks[0].DTS)
	require.EqualValues(t, 14400, head.Tracks[0].EndTicks)
	require.EqualValues(t, 14400, rest.Tracks[0].DTS[0])
	require.EqualValues(t, 36000, rest.Tracks[0].EndTicks)
	require.Equal(t, 8, head.Tracks[1].Len(), "sound before 7680 ticks")
	require.EqualValues(t, 8192, head.Tracks[1].EndTicks)
	require.EqualValues(t, 8192, rest.Tracks[1].DTS[0])
	require.Equal(t, end, rest.Tracks[1].EndTicks)
	for i := range whole {
		require.Equal(t, whole[i], rest.Tracks[i].Payload.Append(head.Tracks[i].Payload.Append(nil)))
		require.Equal(t, len(whole[i]), rest.Tracks[i].Payload.Len()+head.Tracks[i].Payload.Len())
	}
	require.Equal(t, memory, rest.MemoryBytes(), "it holds on to all of the chunk")
	head.Release()
	middle, last := rest.Split(4) // of a part
	require.EqualValues(t, []int64{28800, 32400}, last.Tracks[0].DTS)
	require.Equal(t, whole[0][8*14:], last.Tracks[0].Payload.Append(nil), "a released payload is overwritten by this pool")
	middle.Release()
	last.Release()
	require.Zero(t, f.pool.Outstanding(), f.pool.Leaks())
}

// The size bound of a chunk does not split a large GOP, as the rest would cost a chunk and a write of its own each
// time.
func TestABoundOfBytesCutsBetweenShortGOPs(t *testing.T) {
	f := newFeed(t, BuilderConfig{MaxBytes: 1 << 15}, video())
	f.film(60, 2, 9600, 600)
	f.Flush()
	ends := 0
	for _, c := range f.out {
		require.True(t, c.StartsGOP)
		require.Equal(t, 2, c.Lead().Len())
		if !c.More {
			ends++
		}
	}
	require.InDelta(t, 10, ends, 1)
}

func TestLastChunkHasNoMore(t *testing.T) {
	f := newFeed(t, BuilderConfig{MaxBytes: 1000}, video())
	f.film(25, 1, 195, 6)
	c := f.out[0].Retain()
	require.True(t, c.More)
	last := c.Last()
	require.False(t, last.More)
	require.Equal(t, []any{c.UTC, c.Seq, c.StartsGOP, c.Tracks}, []any{last.UTC, last.Seq, last.StartsGOP, last.Tracks})
	require.Same(t, last, last.Last())
	last.Release()
}
