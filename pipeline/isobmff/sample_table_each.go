package isobmff

import "encoding/binary"

// Each calls visit with every sample in decoding order. The sample is valid during the call only. A
// sample lasts until the DTS of the next sample, and the last sample until EndTicks.
func (t *TableBuilder) Each(visit func(*Sample)) {
	deltas, offsets, spans := t.deltas.reader(), t.offsets.reader(), t.spans.reader()
	sizes, syncs, starts := t.sizes.reader(), t.sync.reader(), t.starts.reader()
	s := Sample{DTS: t.FirstTicks}
	sync := syncs.next()
	left := int64(0) // remaining samples of the current stretch
	start := uint64(0)
	for n := uint64(1); n <= t.Count; n++ {
		if left == 0 {
			left = spans.next()
			start += starts.next()
			s.At = int64(start)
		}
		left--
		s.DurationTicks = t.EndTicks - t.LastTicks
		if n < t.Count {
			s.DurationTicks = deltas.next()
		}
		s.OffsetTicks, s.SizeBytes = int32(offsets.next()), uint32(sizes.next())
		if s.Sync = n == sync; s.Sync {
			sync += syncs.next()
		}
		at, dts := s.At+int64(s.SizeBytes), s.DTS+s.DurationTicks
		visit(&s)
		s.At, s.DTS = at, dts
	}
}

// varintReader reads the numbers of a column in order. Behind the last number it returns 0.
type varintReader struct {
	blocks [][]byte
	b      []byte
}

func (v *varints) reader() varintReader { return varintReader{blocks: v.blocks} }

func (r *varintReader) next() uint64 {
	for len(r.b) == 0 {
		if len(r.blocks) == 0 {
			return 0
		}
		r.b, r.blocks = r.blocks[0], r.blocks[1:]
	}
	x, n := binary.Uvarint(r.b)
	r.b = r.b[n:]
	return x
}

// runReader reads the values of a column of runs in order. Behind the last value it returns that
// value again.
type runReader struct {
	col   varintReader
	runs  int    // remaining runs in col
	left  uint64 // remaining values of the current run
	value int64  // value of the current run
	open  *runs  // has the open run, which follows those in col; nil once it is read
}

func (r *runs) reader() runReader {
	return runReader{col: r.col.reader(), runs: r.col.n / 2, open: r}
}

func (r *runReader) next() int64 {
	for r.left == 0 {
		switch {
		case r.runs > 0:
			r.left, r.value = r.col.next(), unzigzag(r.col.next())
			r.runs--
		case r.open != nil:
			r.left, r.value, r.open = r.open.count, r.open.value, nil
		default:
			return r.value
		}
	}
	r.left--
	return r.value
}
