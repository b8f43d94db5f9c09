package file

import (
	"encoding/binary"
	"fmt"
	"io"
)

// The most that is read into memory at once: a day of video has a moov of some
// 50 MB, and a fragment's moof has some kilobytes.
const (
	maxMoov = 1 << 30
	maxMoof = 64 << 20
)

// maxTracks is more than any program writes, and bounds what is done for each track
// of each fragment.
const maxTracks = 64

// box is a box of the file at the top level (ISO/IEC 14496-12, 4.2).
type box struct {
	fourcc string
	at     int64 // of its header
	body   int64 // of its payload
	end    int64 // behind it; beyond the file's end where that is cut off
}

// readBoxAt reads a header. ok is false where less than a header is left.
func readBoxAt(f io.ReaderAt, at, size int64) (b box, ok bool, err error) {
	var h [16]byte
	n := min(size-at, int64(len(h)))
	if n < 8 {
		return box{}, false, nil
	}
	if _, err := f.ReadAt(h[:n], at); err != nil {
		return box{}, false, fmt.Errorf("box at byte %d: %w", at, err)
	}
	b = box{fourcc: string(h[4:8]), at: at, body: at + 8}
	length := int64(binary.BigEndian.Uint32(h[:]))
	switch {
	case length == 0: // to the end of the file
		length = size - at
	case length == 1 && n < 16:
		return box{}, false, nil
	case length == 1:
		length, b.body = int64(binary.BigEndian.Uint64(h[8:])), at+16
	}
	if length < b.body-at || length > 1<<62-at {
		return box{}, false, fmt.Errorf("box %q at byte %d has an impossible size of %d bytes", b.fourcc, at, length)
	}
	b.end = at + length
	return b, true, nil
}

// load reads a box's payload.
func (b box) load(f io.ReaderAt, size, limit int64) ([]byte, error) {
	n := b.end - b.body
	switch {
	case b.end > size:
		return nil, fmt.Errorf("box %q at byte %d runs past the end of the file: it is cut off", b.fourcc, b.at)
	case n > limit:
		return nil, fmt.Errorf("box %q at byte %d has %d bytes, more than anybody needs", b.fourcc, b.at, n)
	}
	p := make([]byte, n)
	if _, err := f.ReadAt(p, b.body); err != nil {
		return nil, fmt.Errorf("box %q at byte %d: %w", b.fourcc, b.at, err)
	}
	return p, nil
}

// each calls visit with every box of a payload, up to the first that is damaged.
func each(b []byte, visit func(fourcc string, payload []byte)) {
	for len(b) >= 8 {
		length, head := uint64(binary.BigEndian.Uint32(b)), uint64(8)
		if length == 1 && len(b) >= 16 {
			length, head = binary.BigEndian.Uint64(b[8:]), 16
		}
		if length < head || length > uint64(len(b)) {
			return
		}
		visit(string(b[4:8]), b[head:length])
		b = b[length:]
	}
}

// find gives the payload of the first box at a path of types, nil where there is
// none.
func find(b []byte, path ...string) []byte {
	for _, want := range path {
		var found []byte
		each(b, func(fourcc string, payload []byte) {
			if found == nil && fourcc == want {
				found = payload
			}
		})
		if b = found; b == nil {
			return nil
		}
	}
	return b
}

// fields reads big-endian numbers one after another. Past the end it gives 0 and
// remembers that.
type fields struct {
	b     []byte
	short bool
}

func (f *fields) skip(n int) { f.take(n) }

func (f *fields) take(n int) []byte {
	if n < 0 || len(f.b) < n {
		f.short, f.b = true, nil
		return nil
	}
	p := f.b[:n]
	f.b = f.b[n:]
	return p
}

func (f *fields) u8() uint8 {
	if p := f.take(1); p != nil {
		return p[0]
	}
	return 0
}

func (f *fields) u16() uint16 {
	if p := f.take(2); p != nil {
		return binary.BigEndian.Uint16(p)
	}
	return 0
}

func (f *fields) u32() uint32 {
	if p := f.take(4); p != nil {
		return binary.BigEndian.Uint32(p)
	}
	return 0
}

func (f *fields) u64() uint64 {
	if p := f.take(8); p != nil {
		return binary.BigEndian.Uint64(p)
	}
	return 0
}

// wide reads a number of 8 bytes in version 1 of a box, of 4 in version 0.
func (f *fields) wide(version uint8) uint64 {
	if version == 1 {
		return f.u64()
	}
	return uint64(f.u32())
}
