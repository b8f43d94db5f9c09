package index

import (
	"encoding/binary"
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
)

// block holds the samples of one block as columns.
type block struct {
	n        int   // number of samples
	dts, at  int64 // of the first sample: DTS in ticks, and offset in the recording's file
	duration [BlockSamples]int64
	offset   [BlockSamples]int64 // composition offset
	size     [BlockSamples]int64 // bytes
	sync     [BlockSamples]bool
	place    [BlockSamples]int64 // offset in the recording's file
}

// append appends the encoded block to b. It leaves out k.dts and k.at, which the directory entry of
// the block has.
func (k *block) append(b []byte) []byte {
	b = appendColumn(b, k.duration[:k.n])
	b = appendColumn(b, k.offset[:k.n])
	b = appendColumn(b, k.size[:k.n])
	b = k.appendSync(b)
	return k.appendStretches(b)
}

// appendSync appends the number of sync samples. Unless all samples are sync samples, it then appends
// for each sync sample how many samples after the previous sync sample it is; the first one counts
// from -1.
func (k *block) appendSync(b []byte) []byte {
	n := 0
	for _, is := range k.sync[:k.n] {
		if is {
			n++
		}
	}
	b = binary.AppendUvarint(b, uint64(n))
	if n == k.n {
		return b
	}
	before := -1
	for i, is := range k.sync[:k.n] {
		if is {
			b = binary.AppendUvarint(b, uint64(i-before))
			before = i
		}
	}
	return b
}

// appendStretches appends, for each stretch of contiguous samples, its number of samples and, except
// for the last stretch, the distance in bytes from its end to the next stretch. The distance may be
// negative.
func (k *block) appendStretches(b []byte) []byte {
	from := 0
	for i := 1; i <= k.n; i++ {
		end := k.place[i-1] + k.size[i-1]
		if i < k.n && k.place[i] == end {
			continue
		}
		b = binary.AppendUvarint(b, uint64(i-from))
		if from = i; i < k.n {
			b = binary.AppendVarint(b, k.place[i]-end)
		}
	}
	return b
}

// read decodes text, the encoded block of entry e with n samples. It reports whether the block is
// valid: all values are possible, and each sample lies in the file of fileBytes.
func (k *block) read(text []byte, e *entry, n int, fileBytes int64) bool {
	k.n, k.dts, k.at = n, e.dts, e.at
	r := reader{b: text}
	r.column(k.duration[:n])
	r.column(k.offset[:n])
	r.column(k.size[:n])
	k.readSync(&r)
	k.readStretches(&r)
	if r.bad || len(r.b) > 0 {
		return false
	}
	dts := k.dts
	for i := range n {
		d, o, s, at := k.duration[i], k.offset[i], k.size[i], k.place[i]
		if d < 0 || d > maxTicks || dts > maxTicks-d || o < math.MinInt32 || o > math.MaxInt32 ||
			s < 0 || s > math.MaxUint32 || at < 0 || at > fileBytes-s {
			return false
		}
		dts += d
	}
	return true
}

func (k *block) readSync(r *reader) {
	n := r.uvarint()
	all := n == uint64(k.n)
	for i := range k.sync[:k.n] {
		k.sync[i] = all
	}
	if all {
		return
	}
	at := int64(-1)
	for ; n > 0 && !r.bad; n-- {
		step := r.uvarint()
		if step == 0 || step > uint64(k.n) || at+int64(step) >= int64(k.n) {
			r.bad = true
			return
		}
		at += int64(step)
		k.sync[at] = true
	}
}

func (k *block) readStretches(r *reader) {
	at := k.at
	for i := 0; i < k.n && !r.bad; {
		n := r.uvarint()
		if n == 0 || n > uint64(k.n-i) {
			r.bad = true
			return
		}
		for ; n > 0; n-- {
			k.place[i] = at
			at += k.size[i]
			i++
		}
		if i < k.n {
			at += r.varint()
		}
	}
}

// sample sets s to the i-th sample of the block. dts is its DTS, which the block does not store.
func (k *block) sample(i int, dts int64, s *isobmff.Sample) {
	*s = isobmff.Sample{
		DTS: dts, DurationTicks: k.duration[i], OffsetTicks: int32(k.offset[i]),
		SizeBytes: uint32(k.size[i]), Sync: k.sync[i], At: k.place[i],
	}
}
