package index

import (
	"encoding/binary"
	"math"
	"math/bits"
)

var le = binary.LittleEndian

// The encodings of a column of values. A column begins with a byte for its encoding.
const (
	asRuns     = iota // a count and a value for each run of equal values
	aboveLeast        // the least value, then the difference of each value to it
	asHalves          // a list of at most maxHalves values, then 4 bits for each value: its place in the list
)

const maxHalves = 16

// uvarintBytes returns the number of bytes of u as a varint of encoding/binary.
func uvarintBytes(u uint64) int { return (bits.Len64(u|1) + 6) / 7 }

// varintBytes returns the number of bytes of v as a signed varint of encoding/binary.
func varintBytes(v int64) int { return uvarintBytes(uint64(v<<1) ^ uint64(v>>63)) }

// appendColumn appends the values in the encoding that is shortest for them. The difference of any
// two values must not overflow an int64.
func appendColumn(b []byte, values []int64) []byte {
	least := int64(math.MaxInt64)
	for _, v := range values {
		least = min(least, v)
	}
	runs, above := 0, varintBytes(least)
	var known [maxHalves]int64
	n, halves := 0, 1+(len(values)+1)/2
	for i := 0; i < len(values); {
		k := i + 1
		for k < len(values) && values[k] == values[i] {
			k++
		}
		runs += uvarintBytes(uint64(k-i)) + varintBytes(values[i])
		above += (k - i) * uvarintBytes(uint64(values[i]-least))
		if n <= maxHalves && place(known[:min(n, maxHalves)], values[i]) < 0 {
			if n < maxHalves {
				known[n] = values[i]
				halves += varintBytes(values[i])
			}
			n++
		}
		i = k
	}
	switch {
	case runs <= above && (n > maxHalves || runs <= halves):
		return appendRuns(append(b, asRuns), values)
	case n > maxHalves || above <= halves:
		b = binary.AppendVarint(append(b, aboveLeast), least)
		for _, v := range values {
			b = binary.AppendUvarint(b, uint64(v-least))
		}
		return b
	}
	return appendHalves(append(b, asHalves), values, known[:n])
}

// place returns the index of v in known, or -1 if known lacks v.
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
		b = binary.AppendVarint(b, values[i])
		i = k
	}
	return b
}

func appendHalves(b []byte, values, known []int64) []byte {
	b = append(b, byte(len(known)))
	for _, v := range known {
		b = binary.AppendVarint(b, v)
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

// reader reads the numbers of an encoded block in order. At an invalid number, or behind the end,
// it sets bad: the values that it returned or returns later are then not valid.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.b)
	r.took(n)
	return v
}

func (r *reader) varint() int64 {
	v, n := binary.Varint(r.b)
	r.took(n)
	return v
}

// took skips the n bytes of a number that was read. If n is not positive, the number is cut or too
// large: took then sets bad, and discards the unread bytes.
func (r *reader) took(n int) {
	if n <= 0 {
		r.bad, r.b = true, nil
		return
	}
	r.b = r.b[n:]
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

// column reads a column of len(values) numbers, which appendColumn has encoded, into values. It
// sets r.bad if the column is damaged.
func (r *reader) column(values []int64) {
	switch r.byte() {
	case asRuns:
		for len(values) > 0 && !r.bad {
			n, v := r.uvarint(), r.varint()
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
		r.above(r.varint(), values)
	case asHalves:
		r.halves(values)
	default:
		r.bad = true
	}
}

// above reads the differences of values to the least one. Most have one or two bytes.
func (r *reader) above(least int64, values []int64) {
	b := r.b
	for i := range values {
		if len(b) >= 2 && b[0] < 0x80 {
			values[i], b = least+int64(b[0]), b[1:]
			continue
		}
		if len(b) >= 2 && b[1] < 0x80 {
			values[i], b = least+int64(b[0]&0x7f)+int64(b[1])<<7, b[2:]
			continue
		}
		v, n := binary.Uvarint(b)
		if n <= 0 {
			r.took(n)
			return
		}
		values[i], b = least+int64(v), b[n:]
	}
	r.b = b
}

func (r *reader) halves(values []int64) {
	var known [maxHalves]int64
	n := r.byte()
	if n > maxHalves {
		r.bad = true
		return
	}
	for i := range known[:n] {
		known[i] = r.varint()
	}
	if len(r.b) < (len(values)+1)/2 {
		r.bad = true
		return
	}
	b := r.b[:(len(values)+1)/2]
	r.b = r.b[len(b):]
	for i := 0; i < len(values); i += 2 {
		two := b[i/2]
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
