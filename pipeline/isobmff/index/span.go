package index

import (
	"github.com/gospool/spool/pipeline/isobmff"
)

// Cursor reads the samples of a track in decoding order, a block at a time. It is not safe for
// concurrent use.
type Cursor struct {
	x      *Index
	track  int
	n      int64 // number of the next sample in the track
	i      int   // number of the next sample in block
	dts    int64 // DTS of the next sample
	loaded bool  // block is read
	block  block
}

// Samples returns a cursor whose first Next reads sample n of a track.
func (x *Index) Samples(track int, n int64) *Cursor {
	return &Cursor{x: x, track: track, n: max(n, 0)}
}

// Next reads the next sample into s. ok is false behind the last sample, and with an error. The
// error is ErrDamaged, or an error of the io.ReaderAt of Open.
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

// load reads the block of the next sample.
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

// Find returns the number of the last sample of a track whose DTS is at or before dts, in ticks of
// the track. It returns 0 if all samples are later, and -1 if the track has no samples.
func (x *Index) Find(track int, dts int64) (n int64, err error) {
	t := &x.Tracks[track]
	low, high := int64(0), t.blocks() // the number of the wanted block is in [low, high)
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

// Span returns the samples of a track, from number first up to but not including end, that must be
// decoded to present the track from one time up to another, in ticks of the track. first is the
// last sync sample that is presented at or before from, or sample 0 if there is none. The range
// is empty if to is not after from.
func (x *Index) Span(track int, from, to int64) (first, end int64, err error) {
	t := &x.Tracks[track]
	if t.Samples == 0 || to <= from {
		return 0, 0, nil
	}
	from, to = clamp(from), clamp(to)
	if first, err = x.entrance(track, from); err != nil {
		return 0, 0, err
	}
	if end, err = x.exit(track, to); err != nil {
		return 0, 0, err
	}
	return first, max(first, end), nil
}

// entrance returns the number of the last sync sample that is presented at or before a time, in ticks, or 0 if there is none.
func (x *Index) entrance(track int, from int64) (first int64, err error) {
	least := int64(x.Tracks[track].MinOffsetTicks)
	e, err := x.entry(track, 0)
	if err != nil || from < e.dts+least { // before all samples
		return 0, err
	}
	n, err := x.Find(track, from-least)
	for found := false; n >= 0 && err == nil && !found; {
		n, found, err = x.syncShown(track, n, from)
	}
	return max(n, 0), err
}

// exit returns the number behind that of the last sample that may be presented before a time, in ticks.
func (x *Index) exit(track int, to int64) (end int64, err error) {
	t := &x.Tracks[track]
	to -= int64(t.MinOffsetTicks)
	if to > t.EndTicks { // and so behind all decode times
		return t.Samples, nil
	}
	last, err := x.Find(track, to-1)
	if err != nil {
		return 0, err
	}
	var s isobmff.Sample
	if _, err = x.Samples(track, last).Next(&s); err != nil {
		return 0, err
	}
	if s.DTS >= to { // Find returns sample 0 even if it is too late
		return last, nil
	}
	return last + 1, nil
}

// clamp limits a time so that adding a composition offset cannot overflow.
func clamp(ticks int64) int64 { return min(max(ticks, -maxTicks), maxTicks) }

// syncShown searches the block of sample n, up to n, for the last sync sample that is presented at
// or before the time by, in ticks. If it finds one, it returns its number and true. Otherwise sync
// is the number of the last sync sample before the block, at which the caller continues the search,
// or -1 if no sync sample is before the block.
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

// Append appends samples of a track to into: from number first up to but not including end, or up to
// the end of the track. With an error it returns into with the samples before the error.
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
