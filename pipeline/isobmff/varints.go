package isobmff

import "encoding/binary"

// blockBytes is the size of the blocks of a varints column. A full column gets a further block,
// so that growing copies nothing.
const blockBytes = 4 << 10

// varints is a column of numbers to which numbers are appended and which is read in order. It
// stores them as varints of encoding/binary. The columns of a track take 3 to 7 bytes for each
// access unit in total, where plain tables take 12 to 20.
type varints struct {
	blocks [][]byte // no number is divided between two blocks
	n      int      // numbers
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

// runs is a column of numbers that often repeat. It stores runs: a value and the count of its
// repetitions. The run of the newest number is open, since it may still grow.
type runs struct {
	col   varints // count and value of each run except the open one
	count uint64  // count of the open run; 0: the column is empty
	value int64   // value of the open run
	low   int64   // the least value, or 0 if all are greater
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

// each calls visit with every run in order: the value, and the count of its repetitions.
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

// len returns the number of runs, including the run of the newest number, which may still grow.
func (r *runs) len() int {
	if r.count > 0 {
		return r.col.n/2 + 1
	}
	return r.col.n / 2
}

func zigzag(v int64) uint64   { return uint64(v<<1) ^ uint64(v>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }
