package media

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// A queue is compared, step by step, with a reference that keeps every element in one log and records there whether
// it was taken or lost.

// fate is the state of an element of the log.
type fate uint8

const (
	waiting fate = iota
	taken
	lost // and not reported yet
	said // in a gap
)

type wasPut struct {
	chunk *Chunk // of media it is compared, not read: the queue may have released it
	gop   int
	seq   uint64
	start bool
	mark  MarkKind // 0: media
	gap   Gap      // its gap once it is lost
	loss  GOPLoss
	bytes int
	span  int64
	fate  fate
	by    *GOPLoss
}

type referenceQueue struct {
	limits   GOPLimits
	log      []wasPut
	refusing *GOPLoss // by what; nil: nothing
	bound    GOPLoss
	budget   GOPLoss
}

// waits lists the places in the log of the media that waits.
func (r *referenceQueue) waits() (media []int) {
	for i := range r.log {
		if w := &r.log[i]; w.mark == 0 && w.fate == waiting {
			media = append(media, i)
		}
	}
	return media
}

func (r *referenceQueue) sum() (chunks, bytes int, span int64) {
	for _, i := range r.waits() {
		chunks, bytes, span = chunks+1, bytes+r.log[i].bytes, span+r.log[i].span
	}
	return chunks, bytes, span
}

func (r *referenceQueue) fits(more wasPut) bool {
	_, bytes, span := r.sum()
	return (r.limits.MaxBytes == 0 || bytes+more.bytes <= r.limits.MaxBytes) &&
		(r.limits.MaxSpan == 0 || span+more.span <= int64(r.limits.MaxSpan))
}

func (r *referenceQueue) lose(from, to int, by *GOPLoss) {
	for i := from; i < to; i++ {
		w := &r.log[i]
		if w.fate != waiting || w.mark != 0 && w.mark != MarkGap {
			continue
		}
		w.fate, w.by = lost, by
		by.Chunks += w.loss.Chunks
		by.AccessUnits += w.loss.AccessUnits
		by.Bytes += w.loss.Bytes
	}
}

func (r *referenceQueue) put(w wasPut) {
	r.log = append(r.log, w)
	if w.mark != 0 {
		return
	}
	at := len(r.log) - 1
	r.log[at].fate = taken // not counted as waiting
	n, _, _ := r.sum()
	fits := r.fits(w)
	r.log[at].fate = waiting
	switch {
	case r.refusing != nil && !w.start:
		r.lose(at, at+1, r.refusing)
		return
	case r.limits.Policy == DropNewest && n > 0 && !fits:
		r.refusing = &r.bound
		r.lose(at, at+1, r.refusing)
		return
	}
	r.refusing = nil
	for r.limits.Policy == DropOldest && !r.fits(wasPut{}) && len(r.waits()) > 1 {
		r.oldest(&r.bound)
	}
}

func (r *referenceQueue) shed() bool {
	n := len(r.waits())
	switch {
	case r.limits.Policy == DropOldest && n > 1:
		r.oldest(&r.budget)
	case r.limits.Policy == DropNewest && n > 0:
		from := 0
		for _, i := range r.waits() {
			if r.log[i].start {
				from = i
			}
		}
		r.lose(from, len(r.log), &r.budget)
		r.refusing = &r.budget
	default:
		return false
	}
	return true
}

func (r *referenceQueue) oldest(by *GOPLoss) {
	var starts []int
	w := r.waits()
	for _, i := range w {
		if r.log[i].start {
			starts = append(starts, i)
		}
	}
	switch {
	case len(starts) > 1:
		r.lose(starts[0], starts[1], by)
		return
	case len(starts) == 0:
		r.lose(w[1], len(r.log), by)
	case starts[0] == w[0]:
		r.lose(w[len(w)-1], len(r.log), by)
	default:
		r.lose(starts[0], len(r.log), by)
	}
	r.refusing = by
}

// gapBefore returns the sum of the losses before a place in the log that no gap has reported, and marks them as
// reported.
func (r *referenceQueue) gapBefore(at int) (g Gap, missing bool) {
	for i := range r.log[:at] {
		if w := &r.log[i]; w.fate == lost {
			g, missing, w.fate = g.Plus(w.gap), true, said
		}
	}
	return g, missing
}

// next returns the result of a take: a gap, or the place in the log of a chunk; at is -1 if the queue is empty.
func (r *referenceQueue) next() (at int, gap Gap, isGap bool) {
	for i := range r.log {
		w := &r.log[i]
		if w.fate != waiting {
			continue
		}
		if w.mark == 0 {
			if g, missing := r.gapBefore(i); missing {
				return i, g, true
			}
		}
		w.fate = taken
		return i, Gap{}, false
	}
	return -1, Gap{}, false
}

// queueRun applies each put, take and shed to the queue and to the reference.
type queueRun struct {
	t    *rapid.T
	pool *Pool
	set  *TrackSet
	q    *GOPQueue
	ref  referenceQueue
	seq  uint64
	gop  int
	dts  int64
	utc  int64 // ns
	left int   // chunks of the GOP that comes
}

func (u *queueRun) putMedia() {
	w := wasPut{}
	if u.left == 0 {
		u.gop++
		u.left = rapid.IntRange(1, 4).Draw(u.t, "chunks of a GOP")
		w.start = true
	}
	u.left--
	u.seq++
	c := madeChunk(u.pool, u.set, u.seq, u.dts, rapid.IntRange(1, 25).Draw(u.t, "units"), rapid.SampledFrom([]int{10, 1000, 3000}).Draw(u.t, "bytes"))
	u.dts = c.Lead().EndTicks
	c.StartsGOP = w.start
	if w.start {
		c.Gap = rapid.SampledFrom([]Gap{{}, {}, {}, {Cause: GapStall, DurationNS: 7e9}, {Cause: GapTimestampJump}}).Draw(u.t, "gap")
	}
	c.UTC = u.utc + c.Gap.DurationNS
	u.utc = c.UTC + c.SpanNS()
	w.chunk, w.gop, w.seq, w.gap, w.bytes, w.span = c, u.gop, u.seq, c.Dropped(0), c.MemoryBytes(), c.SpanNS()
	w.loss = GOPLoss{1, uint64(c.AccessUnits()), uint64(c.Bytes())}
	u.ref.put(w)
	u.q.Put(c)
}

func (u *queueRun) putMark() {
	m := Mark{Kind: rapid.SampledFrom([]MarkKind{MarkEvent, MarkGap, MarkEnd, MarkRaised}).Draw(u.t, "mark")}
	if m.Kind == MarkGap {
		m.Gap = Gap{Cause: GapSourceLost, DurationNS: 3e9}
		u.left = 0 // a GOP begins behind it
	}
	c := u.pool.NewMark(u.set, u.seq+1, m)
	u.ref.put(wasPut{chunk: c, mark: m.Kind, gap: m.Gap})
	u.q.Put(c)
}

// take takes from both; it returns false if both were empty.
func (u *queueRun) take() bool {
	at, gap, isGap := u.ref.next()
	c := u.q.Next()
	if at < 0 {
		require.Nil(u.t, c)
		return false
	}
	require.NotNil(u.t, c)
	defer c.Release()
	if isGap {
		require.Equal(u.t, &Mark{Kind: MarkGap, Gap: gap}, c.Mark)
		require.Equal(u.t, u.ref.log[at].seq, c.Seq, "the place of the chunk that comes behind it")
		return true
	}
	require.Same(u.t, u.ref.log[at].chunk, c)
	return true
}

// check compares all figures that the queue reports, and checks its bounds.
func (u *queueRun) check() {
	chunks, bytes, span := u.ref.sum()
	entries := 0
	for i := range u.ref.log {
		if u.ref.log[i].fate == waiting {
			entries++
		}
	}
	require.Equal(u.t, entries, u.q.Len())
	require.EqualValues(u.t, bytes, u.q.Held())
	require.EqualValues(u.t, span, u.q.Span())
	require.Equal(u.t, GOPLosses{u.ref.bound, u.ref.budget}, u.q.Lost())
	l := u.ref.limits
	require.True(u.t, chunks <= 1 || (l.MaxBytes == 0 || bytes <= l.MaxBytes) && (l.MaxSpan == 0 || span <= int64(l.MaxSpan)), "the bounds hold")
}

// drained checks the rules that hold under every policy, without a prediction of which chunks are dropped.
func (u *queueRun) drained() {
	var sum GOPLoss
	next := 0 // of the log, where it goes on without a hole
	byGOP := map[int]string{}
	for i, w := range u.ref.log {
		if w.mark != 0 {
			require.True(u.t, w.fate == taken || w.mark == MarkGap, "a mark that says more than a gap stays")
			continue
		}
		switch w.fate {
		case taken:
			require.True(u.t, w.start || next == i, "taken chunks can be decoded")
			byGOP[w.gop] += "t"
		case said:
			sum.Chunks++
			byGOP[w.gop] += "l"
		default:
			require.Fail(u.t, "a chunk is neither taken nor lost", "%d", i)
		}
		for next = i + 1; w.fate == taken && next < len(u.ref.log) && u.ref.log[next].mark != 0; {
			next++
		}
		if w.fate != taken {
			next = -1
		}
	}
	require.Equal(u.t, sum.Chunks, u.q.Lost().Sum().Chunks)
	for gop, s := range byGOP {
		require.NotContains(u.t, s, "lt", "GOP %d: taken up to where it was lost", gop)
	}
}

func anyQueue(t *rapid.T) {
	pool := NewCheckedPool()
	set := setOf(t, video())
	one := madeChunk(pool, set, 1, 0, 25, 1000)
	limits := GOPLimits{
		Policy:   rapid.SampledFrom([]DropPolicy{DropOldest, DropNewest}).Draw(t, "policy"),
		MaxBytes: one.MemoryBytes() * rapid.IntRange(0, 6).Draw(t, "max bytes"),
		MaxSpan:  time.Second * time.Duration(rapid.IntRange(0, 6).Draw(t, "max span")),
	}
	one.Release()
	u := &queueRun{t: t, pool: pool, set: set, q: NewGOPQueue(pool, limits), ref: referenceQueue{limits: limits}}
	for range rapid.IntRange(1, 60).Draw(t, "steps") {
		switch rapid.SampledFrom([]string{"media", "media", "media", "mark", "take", "take", "shed"}).Draw(t, "step") {
		case "media":
			u.putMedia()
		case "mark":
			u.putMark()
		case "take":
			u.take()
		case "shed":
			require.Equal(t, u.ref.shed(), u.q.Shed())
		}
		u.check()
	}
	for u.take() {
		u.check()
	}
	gap, missing := u.ref.gapBefore(len(u.ref.log))
	if rest := u.q.Rest(); missing {
		require.Equal(t, &Mark{Kind: MarkGap, Gap: gap}, rest.Mark)
		rest.Release()
	} else {
		require.Nil(t, rest)
	}
	require.Nil(t, u.q.Rest(), "the gap is reported once")
	u.drained()
	require.Zero(t, pool.Outstanding(), "%s", pool.Leaks())
}

func TestAQueueReturnsOrCountsEachElement(t *testing.T) { rapid.Check(t, anyQueue) }

func FuzzGOPQueue(f *testing.F) { f.Fuzz(rapid.MakeFuzz(anyQueue)) }

// madeChunk is a chunk of so many pictures of 40 ms.
func madeChunk(pool *Pool, set *TrackSet, seq uint64, dts int64, units, bytes int) *Chunk {
	c := pool.NewChunk(set, seq, []int{units * bytes})
	col := c.Lead()
	for range units {
		col.DTS = append(col.DTS, dts)
		col.OffsetTicks, col.SizeBytes, col.Flags = append(col.OffsetTicks, 0), append(col.SizeBytes, uint32(bytes)), append(col.Flags, 0)
		dts += 3600
	}
	col.EndTicks = dts
	pool.Seal(c)
	return c
}

// In an unbounded queue whose media is parted and forgotten, each access unit is taken or forgotten once, in order,
// and Held and Span are those of the queued chunks.
func TestAQueueSplitsAndForgetsChunks(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pool := NewCheckedPool()
		set := setOf(t, video())
		q := NewGOPQueue(pool, GOPLimits{})
		var put []int64 // decoding times of the waiting media; -1 is a mark
		gone := func(c *Chunk) {
			if c.Mark != nil {
				require.EqualValues(t, -1, put[0])
				put = put[1:]
				return
			}
			require.Equal(t, c.Lead().DTS, put[:c.Lead().Len()])
			put = put[c.Lead().Len():]
		}
		var dts int64
		for range rapid.IntRange(1, 40).Draw(t, "steps") {
			switch rapid.SampledFrom([]string{"media", "media", "mark", "split", "split", "take", "forget"}).Draw(t, "step") {
			case "media":
				c := madeChunk(pool, set, 1, dts, rapid.IntRange(1, 9).Draw(t, "units"), 100)
				for i := 1; i < c.Lead().Len(); i += rapid.IntRange(1, 4).Draw(t, "GOP") {
					c.Lead().Flags[i] = FlagSync
				}
				put, dts = append(put, c.Lead().DTS...), c.Lead().EndTicks
				q.Put(c)
			case "mark":
				q.Put(pool.NewMark(set, 1, Mark{Kind: MarkGap}))
				put = append(put, -1)
			case "split":
				if q.Len() == 0 {
					continue
				}
				k, at := rapid.IntRange(0, q.Len()-1).Draw(t, "place"), 0 // 0 is no place to part at
				if c := q.At(k); c.Mark == nil && rapid.Bool().Draw(t, "where a GOP begins") {
					at = c.NextGOP(0)
				}
				n := q.Len()
				if did := q.Split(k, at); did {
					n++
					require.True(t, q.At(k+1).StartsGOP)
					require.Equal(t, at, q.At(k).Lead().Len())
				} else {
					require.LessOrEqual(t, at, 0)
				}
				require.Equal(t, n, q.Len())
			case "take":
				if c := q.Next(); c != nil {
					gone(c)
					c.Release()
				}
			case "forget":
				n := rapid.IntRange(0, q.Len()).Draw(t, "forgotten")
				for k := range n {
					gone(q.At(k))
				}
				q.Forget(n)
			}
			var bytes int
			var span int64
			for k := range q.Len() {
				if c := q.At(k); c.Mark == nil {
					bytes, span = bytes+c.MemoryBytes(), span+c.SpanNS()
				}
			}
			require.EqualValues(t, bytes, q.Held())
			require.EqualValues(t, span, q.Span())
		}
		for c := q.Next(); c != nil; c = q.Next() {
			gone(c)
			c.Release()
		}
		require.Empty(t, put)
		require.Zero(t, q.Lost())
		require.False(t, q.Shed(), "it has no policy")
		require.Zero(t, pool.Outstanding(), "%s", pool.Leaks())
	})
}
