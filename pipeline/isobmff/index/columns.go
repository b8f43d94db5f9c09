package index

// Columns holds successive samples of a track: value i of each column is of the i-th sample.
type Columns struct {
	DTS       int64   // of the first sample, in ticks
	Durations []int64 // ticks
	Offsets   []int64 // composition offsets, in ticks
	Sizes     []int64 // bytes
	Places    []int64 // offsets in the recording's file
	Sync      []bool
}

// Columns reads the next samples, at least 1 and at most the given number, which must be positive, and has none behind the last sample. It
// takes less time than Next. The result is valid until the next call of a method. The error is as for Next.
func (c *Cursor) Columns(most int64) (k Columns, err error) {
	if c.n >= c.x.Tracks[c.track].Samples {
		return k, nil
	}
	if !c.loaded || c.i == c.block.n {
		if err := c.load(); err != nil {
			return k, err
		}
	}
	from, to := c.i, int(min(int64(c.block.n), int64(c.i)+most))
	b := &c.block
	k = Columns{c.dts, b.duration[from:to], b.offset[from:to], b.size[from:to], b.place[from:to], b.sync[from:to]}
	for _, d := range k.Durations {
		c.dts += d
	}
	c.i, c.n = to, c.n+int64(to-from)
	return k, nil
}
