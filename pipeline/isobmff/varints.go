package isobmff

import "encoding/binary"

// blockBytes is the unit in which a column grows: growing never copies.
const blockBytes = 4 << 10

// varints is an append-only column of numbers that is read from the front: variable-length bytes in
// fixed blocks. It takes 3 to 6 bytes for each access unit, where plain tables take 12 to 20.
type varints struct {
	blocks [][]byte
	n      int
}

func (v *varints) put(x uint64) {
	k := len(v.blocks) - 1
	if k < 0 || cap(v.blocks[k])-len(v.blocks[k]) < binary.MaxVarintLen64 {
		v.blocks = append(v.blocks, make([]byte, 0, blockBytes))
		k++
	}
	v.blocks[k] = binary.AppendUvarint(v.blocks[k], x)
	v.n++
}

// each calls visit with every number in order.
func (v *varints) each(visit func(uint64)) {
	for _, b := range v.blocks {
		for len(b) > 0 {
			x, n := binary.Uvarint(b)
			visit(x)
			b = b[n:]
		}
	}
}

// runs is a column of numbers that repeat: (count, value) pairs.
type runs struct {
	col   varints
	count uint64 // length of the open run, which is not in col yet
	value int64
	low   int64 // the smallest value so far
}

func (r *runs) put(v int64) {
	r.low = min(r.low, v)
	if r.count > 0 && v == r.value {
		r.count++
		return
	}
	r.flush()
	r.count, r.value = 1, v
}

func (r *runs) flush() {
	if r.count > 0 {
		r.col.put(r.count)
		r.col.put(zigzag(r.value))
	}
}

// each calls visit with every run in order, the open one last; it changes nothing.
func (r *runs) each(visit func(count uint64, value int64)) {
	var count uint64
	r.col.each(func(x uint64) {
		if count == 0 {
			count = x
			return
		}
		visit(count, unzigzag(x))
		count = 0
	})
	if r.count > 0 {
		visit(r.count, r.value)
	}
}

// len returns the number of runs.
func (r *runs) len() int {
	if r.count > 0 {
		return r.col.n/2 + 1
	}
	return r.col.n / 2
}

func zigzag(v int64) uint64   { return uint64(v<<1) ^ uint64(v>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }
