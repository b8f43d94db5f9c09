package isobmff

import "encoding/binary"

// Table holds the rows of a box that begins with their count: rows of 32-bit numbers (stts, ctts,
// stsc, stss, stco; ISO/IEC 14496-12, 8.6 and 8.7), or of one 64-bit number (co64). It shares the
// memory of the box's payload.
type Table struct {
	rows  []byte
	width int // bytes of a row
}

// ReadTable reads a payload whose rows have columns 32-bit numbers; 2 columns make a 64-bit number.
// A nil payload, of a missing box, is a table without rows. If the payload has fewer rows than it
// claims, the table has the present ones and whole is false.
func ReadTable(payload []byte, columns int) (t Table, whole bool) {
	t.width = 4 * columns
	if payload == nil {
		return t, true
	}
	f := NewFields(payload)
	f.Skip(4)
	claimed, rest := int64(f.U32()), f.Rest()
	n := min(claimed, int64(len(rest)/t.width))
	t.rows = rest[:n*int64(t.width)]
	return t, !f.Short() && n == claimed
}

// Len returns the number of rows.
func (t *Table) Len() int { return len(t.rows) / max(t.width, 1) }

// U32 returns the number in a row and a column, both counted from 0. row must be less than Len.
func (t *Table) U32(row, column int) uint32 {
	return binary.BigEndian.Uint32(t.rows[row*t.width+4*column:])
}

// U64 returns the 64-bit number in a row, counted from 0 and less than Len.
func (t *Table) U64(row int) uint64 { return binary.BigEndian.Uint64(t.rows[row*t.width:]) }

// Sizes holds the sizes of the samples of a track (stsz; ISO/IEC 14496-12, 8.7.3).
type Sizes struct {
	CommonBytes uint32 // size of every sample; 0: each has its own
	Count       uint32 // claimed number of samples; if CommonBytes is not 0, it may be any number
	own         []byte // the sizes of the samples as 32-bit numbers; nil if CommonBytes is not 0
}

// ReadStsz reads the payload of an stsz. whole is false if it has fewer sizes than it claims.
func ReadStsz(payload []byte) (s Sizes, whole bool) {
	f := NewFields(payload)
	f.Skip(4)
	s.CommonBytes, s.Count = f.U32(), f.U32()
	if s.CommonBytes == 0 {
		s.own = f.Rest()
	}
	return s, !f.Short() && (s.CommonBytes > 0 || int64(s.Count) <= int64(len(s.own)/4))
}

// At returns the size of a sample in bytes. sample counts from 0 and must be less than Count. The
// sizes must be whole: see ReadStsz.
func (s *Sizes) At(sample uint32) uint32 {
	if s.CommonBytes > 0 {
		return s.CommonBytes
	}
	return binary.BigEndian.Uint32(s.own[4*int(sample):])
}

// Bytes returns the sum of the sizes in bytes: CommonBytes times Count, or, if CommonBytes is 0, the
// sum of the sizes that are present.
func (s *Sizes) Bytes() (sum int64) {
	if s.CommonBytes > 0 {
		return int64(s.CommonBytes) * int64(s.Count)
	}
	for i := range min(int64(s.Count), int64(len(s.own)/4)) {
		sum += int64(binary.BigEndian.Uint32(s.own[4*i:]))
	}
	return sum
}

// Chunks holds the offsets of the ISO chunks of a track, which are contiguous ranges of samples
// (stco or co64; ISO/IEC 14496-12, 8.7.5).
type Chunks struct {
	Table
	wide bool
}

// ReadChunks reads the stco in the payload of an stbl, or the co64 if there is no stco. whole is
// false if the box has fewer offsets than it claims.
func ReadChunks(stbl []byte) (c Chunks, whole bool) {
	if stco := Find(stbl, "stco"); stco != nil {
		c.Table, whole = ReadTable(stco, 1)
		return c, whole
	}
	c.wide = true
	c.Table, whole = ReadTable(Find(stbl, "co64"), 2)
	return c, whole
}

// At returns the offset in the file of an ISO chunk, counted from 0 and less than Len.
func (c *Chunks) At(chunk int) uint64 {
	if c.wide {
		return c.U64(chunk)
	}
	return uint64(c.U32(chunk, 0))
}

// NoSamples appends stts, stsc, stco and stsz without entries, for a track whose samples are in
// fragments.
func (w *Writer) NoSamples() {
	for _, fourcc := range [...]string{"stts", "stsc", "stco"} {
		at := w.OpenFull(fourcc, 0, 0)
		w.U32(0)
		w.Close(at)
	}
	at := w.OpenFull("stsz", 0, 0)
	w.U64(0)
	w.Close(at)
}
