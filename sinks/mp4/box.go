package mp4

import (
	"bytes"
	"encoding/binary"
	"fmt"

	gomp4 "github.com/abema/go-mp4"
)

// boxes appends boxes to one buffer that is used again and again. Tables and
// whatever is written per chunk are put down by hand; the small header boxes of
// a moov, once per file, are go-mp4's to marshal.
type boxes struct {
	b   []byte
	err error // the first of go-mp4's; it never drops one silently here
}

func (w *boxes) u8(v uint8)   { w.b = append(w.b, v) }
func (w *boxes) u16(v uint16) { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *boxes) u32(v uint32) { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *boxes) u64(v uint64) { w.b = binary.BigEndian.AppendUint64(w.b, v) }

// open begins a box and returns where; close gives it its size.
func (w *boxes) open(fourcc string) (at int) {
	at = len(w.b)
	w.b = append(w.b, 0, 0, 0, 0)
	w.b = append(w.b, fourcc...)
	return at
}

// full begins a box with version and flags (ISO/IEC 14496-12, 4.2).
func (w *boxes) full(fourcc string, version uint8, flags uint32) (at int) {
	at = w.open(fourcc)
	w.u32(uint32(version)<<24 | flags)
	return at
}

func (w *boxes) close(at int) { w.patch(at, uint32(len(w.b)-at)) }

func (w *boxes) patch(at int, v uint32) { binary.BigEndian.PutUint32(w.b[at:], v) }

// add appends a childless box that go-mp4 marshals.
func (w *boxes) add(box gomp4.IImmutableBox) { w.close(w.begin(box)) }

// begin appends a box that go-mp4 marshals and leaves it open for children.
func (w *boxes) begin(box gomp4.IImmutableBox) (at int) {
	at = w.open(box.GetType().String())
	var out bytes.Buffer
	if _, err := gomp4.Marshal(&out, box, gomp4.Context{}); err != nil && w.err == nil {
		w.err = fmt.Errorf("box %s: %w", box.GetType(), err)
	}
	w.b = append(w.b, out.Bytes()...)
	return at
}

// free appends a free box of n bytes in all, n >= 8.
func (w *boxes) free(n int) {
	at := w.open("free")
	w.b = append(w.b, make([]byte, n-8)...)
	w.close(at)
}

// header is what stands before a box's payload.
type header struct {
	fourcc [4]byte
	size   int64 // of the whole box; 0 means to the end of the file
	length int64 // of the header: 8 or 16
}

func (h header) is(fourcc string) bool { return string(h.fourcc[:]) == fourcc }

// parseHeader reads the 8 or 16 bytes that begin a box.
func parseHeader(b []byte) (h header, ok bool) {
	if len(b) < 8 {
		return h, false
	}
	h.length = 8
	h.size = int64(binary.BigEndian.Uint32(b))
	copy(h.fourcc[:], b[4:8])
	if h.size == 1 {
		if len(b) < 16 {
			return h, false
		}
		h.length = 16
		big := binary.BigEndian.Uint64(b[8:])
		if big > 1<<62 {
			return h, false
		}
		h.size = int64(big)
	}
	return h, h.size == 0 || h.size >= h.length
}

// children calls visit with each box of b until it returns false. It reports
// whether the boxes fill b exactly, as far as they were visited.
func children(b []byte, visit func(fourcc string, payload []byte) bool) bool {
	for len(b) > 0 {
		h, ok := parseHeader(b)
		if !ok || h.size == 0 || h.size > int64(len(b)) {
			return false
		}
		if !visit(string(h.fourcc[:]), b[h.length:h.size]) {
			return true
		}
		b = b[h.size:]
	}
	return true
}

// find gives the payload of the box at a path of types, the first of each.
func find(b []byte, path ...string) []byte {
	for _, want := range path {
		var found []byte
		children(b, func(fourcc string, payload []byte) bool {
			if fourcc == want {
				found = payload
			}
			return found == nil
		})
		if found == nil {
			return nil
		}
		b = found
	}
	return b
}
