package index

import (
	"encoding/binary"
	"math"
	"math/bits"
)

var le = binary.LittleEndian

// The ways in which a column is written.
const (
	asRuns     = iota // (count, value)*
	aboveLeast        // the least value, then what each is above it
	asHalves          // at most 16 values, then 4 bits for each
)

const maxHalves = 16

func zigzag(v int64) uint64   { return uint64(v<<1) ^ uint64(v>>63) }
func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

// varBytes is how long a number is as a varint.
func varBytes(u uint64) int { return (bits.Len64(u|1) + 6) / 7 }

// appendColumn appends the values in the shortest way. Their differences must not
// overflow.
func appendColumn(b []byte, values []int64) []byte {
	least := int64(math.MaxInt64)
	for _, v := range values {
		least = min(least, v)
	}
	runs, above := 0, varBytes(zigzag(least))
	var known [maxHalves]int64
	n, halves := 0, 1+(len(values)+1)/2
	for i := 0; i < len(values); {
		k := i + 1
		for k < len(values) && values[k] == values[i] {
			k++
		}
		runs += varBytes(uint64(k-i)) + varBytes(zigzag(values[i]))
		above += (k - i) * varBytes(uint64(values[i]-least))
		if n <= maxHalves && place(known[:min(n, maxHalves)], values[i]) < 0 {
			if n < maxHalves {
				known[n] = values[i]
				halves += varBytes(zigzag(values[i]))
			}
			n++
		}
		i = k
	}
	switch {
	case runs <= above && (n > maxHalves || runs <= halves):
		return appendRuns(append(b, asRuns), values)
	case n > maxHalves || above <= halves:
		b = binary.AppendUvarint(append(b, aboveLeast), zigzag(least))
		for _, v := range values {
			b = binary.AppendUvarint(b, uint64(v-least))
		}
		return b
	}
	return appendHalves(append(b, asHalves), values, known[:n])
}

func place(known []int64, v int64) int {
	for i, k := range known {
		if k == v {
			return i
		}
	}
	return -1
}

func appendRuns(b []byte, values []int64) []byte {
	for i := 0; i < len(values); {
		k := i + 1
		for k < len(values) && values[k] == values[i] {
			k++
		}
		b = binary.AppendUvarint(b, uint64(k-i))
		b = binary.AppendUvarint(b, zigzag(values[i]))
		i = k
	}
	return b
}

func appendHalves(b []byte, values, known []int64) []byte {
	b = append(b, byte(len(known)))
	for _, v := range known {
		b = binary.AppendUvarint(b, zigzag(v))
	}
	for i := 0; i < len(values); i += 2 {
		two := place(known, values[i])
		if i+1 < len(values) {
			two |= place(known, values[i+1]) << 4
		}
		b = append(b, byte(two))
	}
	return b
}

// reader takes numbers from a block. Past its end it reads 0, and stays bad.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	if n <= 0 {
		r.bad, r.b = true, nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) byte() byte {
	if len(r.b) == 0 {
		r.bad = true
		return 0
	}
	v := r.b[0]
	r.b = r.b[1:]
	return v
}

// column reads as many values as there is room for.
func (r *reader) column(values []int64) {
	switch r.byte() {
	case asRuns:
		for len(values) > 0 && !r.bad {
			n, v := r.uvarint(), unzigzag(r.uvarint())
			if n == 0 || n > uint64(len(values)) {
				r.bad = true
				return
			}
			for i := range values[:n] {
				values[i] = v
			}
			values = values[n:]
		}
	case aboveLeast:
		least := unzigzag(r.uvarint())
		for i := range values {
			values[i] = least + int64(r.uvarint())
		}
	case asHalves:
		r.halves(values)
	default:
		r.bad = true
	}
}

func (r *reader) halves(values []int64) {
	var known [maxHalves]int64
	n := r.byte()
	if n > maxHalves {
		r.bad = true
		return
	}
	for i := range known[:n] {
		known[i] = unzigzag(r.uvarint())
	}
	for i := 0; i < len(values); i += 2 {
		two := r.byte()
		if two&15 >= n || i+1 < len(values) && two>>4 >= n || i+1 == len(values) && two>>4 != 0 {
			r.bad = true
			return
		}
		values[i] = known[two&15]
		if i+1 < len(values) {
			values[i+1] = known[two>>4]
		}
	}
}
