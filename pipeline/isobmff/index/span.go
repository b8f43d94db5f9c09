package index

import (
	"github.com/gospool/spool/pipeline/isobmff"
)

// Cursor reads the samples of a track in order, a block at a time. It is not safe for concurrent
// use.
type Cursor struct {
	x      *Index
	track  int
	n      int64 // of the next sample
	i      int   // of it in the block
	dts    int64
	loaded bool
	block  block
}

// Samples returns a cursor before sample n of a track, counted from 0.
func (x *Index) Samples(track int, n int64) *Cursor {
	return &Cursor{x: x, track: track, n: max(n, 0)}
}

// Next reads the next sample. ok is false after the last.
func (c *Cursor) Next(s *isobmff.Sample) (ok bool, err error) {
	if c.n >= c.x.Tracks[c.track].Samples {
		return false, nil
	}
	if !c.loaded || c.i == c.block.n {
		if err := c.load(); err != nil {
			return false, err
		}
	}
	c.block.sample(c.i, c.dts, s)
	c.dts += s.DurationTicks
	c.i++
	c.n++
	return true, nil
}

// load reads the block of sample n.
func (c *Cursor) load() error {
	if _, err := c.x.load(c.track, c.n/BlockSamples, &c.block); err != nil {
		return err
	}
	c.loaded, c.i, c.dts = true, int(c.n%BlockSamples), c.block.dts
	for _, d := range c.block.duration[:c.i] {
		c.dts += d
	}
	return nil
}

// Find returns the number of the last sample of a track that is decoded at or before a time, ticks;
// 0 if no sample is, and -1 if the track has no samples.
func (x *Index) Find(track int, dts int64) (n int64, err error) {
	t := &x.Tracks[track]
	low, high := int64(0), t.blocks() // the block is in [low, high), or it is the first
	if high == 0 {
		return -1, nil
	}
	for high-low > 1 {
		mid := (low + high) / 2
		e, err := x.entry(track, mid)
		if err != nil {
			return 0, err
		}
		if e.dts <= dts {
			low = mid
		} else {
			high = mid
		}
	}
	c := x.Samples(track, low*BlockSamples)
	if err := c.load(); err != nil {
		return 0, err
	}
	at := c.dts
	for i, d := range c.block.duration[:c.block.n] {
		if at += d; at > dts || i == c.block.n-1 {
			return low*BlockSamples + int64(i), nil
		}
	}
	return low * BlockSamples, nil
}

// Span returns which samples [first, end) of a track must be decoded to show it from one
// time to another, ticks: from the sync sample on that is shown at from or before it, or,
// without one, from the first sample on. It is empty where to is not behind from.
func (x *Index) Span(track int, from, to int64) (first, end int64, err error) {
	t := &x.Tracks[track]
	if t.Samples == 0 || to <= from {
		return 0, 0, nil
	}
	from, to = clamp(from), clamp(to)
	n, err := x.Find(track, from-int64(t.MinOffsetTicks))
	for n >= 0 && err == nil {
		var found bool
		if n, found, err = x.syncShown(track, n, from); found {
			break
		}
	}
	if err != nil {
		return 0, 0, err
	}
	last, err := x.Find(track, to-int64(t.MinOffsetTicks)-1)
	if err != nil {
		return 0, 0, err
	}
	var s isobmff.Sample
	if _, err = x.Samples(track, last).Next(&s); err != nil {
		return 0, 0, err
	}
	if end = last + 1; s.DTS+int64(t.MinOffsetTicks) >= to { // the first one is later than that
		end = last
	}
	first = max(n, 0)
	return first, max(first, end), nil
}

// clamp keeps a time from overflowing where an offset is added.
func clamp(ticks int64) int64 { return min(max(ticks, -maxTicks), maxTicks) }

// syncShown looks in the block of sample n for the last sync sample up to n that is shown
// at a time or before it. Without one it returns the last sync sample before the block, -1
// where the track has no earlier one.
func (x *Index) syncShown(track int, n, by int64) (sync int64, found bool, err error) {
	number := n / BlockSamples
	var k block
	e, err := x.load(track, number, &k)
	if err != nil {
		return -1, false, err
	}
	sync = e.sync
	dts := e.dts
	for i := range n%BlockSamples + 1 {
		if k.sync[i] && dts+k.offset[i] <= by {
			sync, found = number*BlockSamples+i, true
		}
		dts += k.duration[i]
	}
	return sync, found, nil
}

// Append appends the samples [first, end) of a track.
func (x *Index) Append(into []isobmff.Sample, track int, first, end int64) ([]isobmff.Sample, error) {
	c := x.Samples(track, first)
	for c.n < end {
		var s isobmff.Sample
		ok, err := c.Next(&s)
		if err != nil || !ok {
			return into, err
		}
		into = append(into, s)
	}
	return into, nil
}
