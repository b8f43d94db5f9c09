package file

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
)

// sample is one access unit, and where it lies. Times are ticks of the file.
type sample struct {
	dts, duration int64
	offset        int32 // PTS - DTS
	size          uint32
	sync          bool
	at            int64 // byte of the file
}

// sampler gives the samples of one track in decoding order.
type sampler interface {
	next(*sample) (ok bool, err error)
	rewind()
}

// tables are the sample tables of a track in an ordinary file (ISO/IEC 14496-12,
// 8.6 to 8.7), read where they lie.
type tables struct {
	stts, ctts, stsc, stss, stsz, starts []byte // entries only
	wide                                 bool   // starts are of 64 bits
	common                               uint32 // size of every sample, where not each has its own
	count                                uint32

	cursor
}

// cursor is how far the tables are read. Its zero value is their beginning.
type cursor struct {
	n        uint32 // samples given
	dts      int64
	times    run
	offsets  run
	syncs    int // entries of stss passed
	chunk    uint32
	spans    int    // entries of stsc passed
	inChunk  uint32 // samples left
	perChunk uint32
	at       int64
}

// run is a run-length coded column of 8-byte entries.
type run struct {
	left, value uint32
	at          int
}

func (r *run) next(entries []byte) uint32 {
	for r.left == 0 {
		if r.at+8 > len(entries) {
			return r.value // a table that is too short goes on as it ended
		}
		r.left, r.value = binary.BigEndian.Uint32(entries[r.at:]), binary.BigEndian.Uint32(entries[r.at+4:])
		r.at += 8
	}
	r.left--
	return r.value
}

// claims are what a file says that it holds, against its size. A table of a few bytes
// may say anything, and all that follows would be done before the first sample turns
// out to be missing.
type claims struct {
	size         int64 // of the file
	units, bytes int64
}

// The least that an access unit takes of a file, and how often samples may lie on the
// same bytes.
const (
	leastUnit  = 4
	mostShared = 4
)

func (c *claims) add(units, bytes int64) error {
	c.units, c.bytes = c.units+units, c.bytes+bytes
	switch {
	case c.units > c.size/leastUnit+1:
		return fmt.Errorf("it claims %d access units, which a file of %d bytes has no room for: it is damaged", c.units, c.size)
	case c.bytes > c.size*mostShared:
		return fmt.Errorf("it claims %d bytes of media, the file has %d: it is cut off or damaged; "+
			"spool repair makes a copy of what is there", c.bytes, c.size)
	}
	return nil
}

var errTables = errors.New("its sample tables do not fit together")

// entriesOf are those of a full box that begins with their count, each of a
// width.
func entriesOf(b []byte, width int) ([]byte, error) {
	if b == nil {
		return nil, nil
	}
	f := isobmff.NewFields(b)
	f.Skip(4)
	n := int(f.U32())
	p := f.Take(n * width)
	if f.Short() {
		return nil, errTables
	}
	return p, nil
}

func readTables(stbl []byte) (*tables, error) {
	t := &tables{}
	for _, c := range [...]struct {
		name  string
		width int
		into  *[]byte
	}{
		{"stts", 8, &t.stts}, {"ctts", 8, &t.ctts}, {"stsc", 12, &t.stsc}, {"stss", 4, &t.stss},
	} {
		var err error
		if *c.into, err = entriesOf(isobmff.Find(stbl, c.name), c.width); err != nil {
			return nil, err
		}
	}
	if isobmff.Find(stbl, "stss") != nil && t.stss == nil {
		t.stss = []byte{} // none is a sync sample: not the same as all
	}
	if err := t.readSizes(isobmff.Find(stbl, "stsz")); err != nil {
		return nil, err
	}
	stco, width := isobmff.Find(stbl, "stco"), 4
	if stco == nil {
		stco, width, t.wide = isobmff.Find(stbl, "co64"), 8, true
	}
	var err error
	if t.starts, err = entriesOf(stco, width); err != nil {
		return nil, err
	}
	if t.count > 0 && (len(t.stts) == 0 || len(t.stsc) == 0 || len(t.starts) == 0) {
		return nil, errTables
	}
	return t, nil
}

func (t *tables) readSizes(stsz []byte) error {
	f := isobmff.NewFields(stsz)
	f.Skip(4)
	t.common, t.count = f.U32(), f.U32()
	if t.common == 0 {
		t.stsz = f.Take(4 * int(t.count))
	}
	if f.Short() {
		return errTables
	}
	return nil
}

// length is the sum of the durations, ticks.
func (t *tables) length() (ticks int64) {
	for b := t.stts; len(b) >= 8; b = b[8:] {
		ticks += int64(binary.BigEndian.Uint32(b)) * int64(binary.BigEndian.Uint32(b[4:]))
		if ticks < 0 || ticks > math.MaxInt64/4 {
			return math.MaxInt64 / 4
		}
	}
	return ticks
}

// bytes is the sum of the sizes.
func (t *tables) bytes() (sum int64) {
	if t.common > 0 {
		return int64(t.common) * int64(t.count)
	}
	for b := t.stsz; len(b) >= 4; b = b[4:] {
		sum += int64(binary.BigEndian.Uint32(b))
	}
	return sum
}

func (t *tables) rewind() { t.cursor = cursor{} }

func (t *tables) next(s *sample) (bool, error) {
	if t.n >= t.count {
		return false, nil
	}
	if t.inChunk == 0 {
		if err := t.nextChunk(); err != nil {
			return false, err
		}
	}
	s.dts, s.at = t.dts, t.at
	s.duration = int64(t.times.next(t.stts))
	s.offset = int32(t.offsets.next(t.ctts)) // signed by version 1; a version 0 that says -1 means it too
	s.size = t.common
	if s.size == 0 {
		s.size = binary.BigEndian.Uint32(t.stsz[4*t.n:])
	}
	t.n++
	s.sync = t.isSync()
	t.dts += s.duration
	t.at += int64(s.size)
	t.inChunk--
	if t.dts > math.MaxInt64/4 {
		return false, errTables
	}
	return true, nil
}

// isSync tells of sample n, counted from 1. Without stss all are.
func (t *tables) isSync() bool {
	if t.stss == nil {
		return true
	}
	for 4*t.syncs < len(t.stss) {
		number := binary.BigEndian.Uint32(t.stss[4*t.syncs:])
		if number > t.n {
			break
		}
		t.syncs++
		if number == t.n {
			return true
		}
	}
	return false
}

// nextChunk goes to the chunk after this one; chunks are counted from 1.
func (t *tables) nextChunk() error {
	width := 4
	if t.wide {
		width = 8
	}
	i := int(t.chunk) * width
	if i+width > len(t.starts) {
		return errTables
	}
	t.chunk++
	for 12*t.spans < len(t.stsc) && binary.BigEndian.Uint32(t.stsc[12*t.spans:]) <= t.chunk {
		t.perChunk = binary.BigEndian.Uint32(t.stsc[12*t.spans+4:])
		t.spans++
	}
	t.inChunk = t.perChunk
	if t.inChunk == 0 {
		return errTables
	}
	if t.wide {
		t.at = int64(binary.BigEndian.Uint64(t.starts[i:]))
	} else {
		t.at = int64(binary.BigEndian.Uint32(t.starts[i:]))
	}
	if t.at < 0 || t.at > math.MaxInt64/4 {
		return errTables
	}
	return nil
}
