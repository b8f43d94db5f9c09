package rtp

import (
	"github.com/gospool/spool/pipeline/codec/jpeg"
	"github.com/gospool/spool/pipeline/media/live"
)

// Values of the fields of RFC 2435, 3.1.
const (
	jpegHalfHeight = 1         // type of 4:2:0; 0 is that of 4:2:2
	jpegRestarts   = 64        // is added to the type of a picture with restart markers
	jpegTables     = 255       // Q: the first packet has the quantization tables
	maxJPEGPixels  = 255 * 8   // of the width and of the height
	maxJPEGBytes   = 1<<24 - 1 // of the entropy-coded data: offsets have 24 bits
)

// picture sends a JPEG picture without its headers, as far as RFC 2435 knows them: others are left out.
func picture(s *Sender, f *Frames, _ *live.Unit) {
	h, data, err := jpeg.ReadHeader(s.whole())
	if err != nil || max(h.Width, h.Height) > maxJPEGPixels || len(data) == 0 || len(data) > maxJPEGBytes {
		s.leaveOut()
		return
	}
	kind := byte(0)
	if h.HalfHeight {
		kind = jpegHalfHeight
	}
	if h.RestartInterval > 0 {
		kind |= jpegRestarts
	}
	for offset := 0; offset < len(data); {
		place := s.open(f, s.newest, false)
		begin := len(f.b)
		f.b = append(f.b, 0, byte(offset>>16), byte(offset>>8), byte(offset), kind, jpegTables, blocks(h.Width), blocks(h.Height))
		if h.RestartInterval > 0 { // the intervals do not begin with the packets (3.1.7)
			f.b = append(f.b, byte(h.RestartInterval>>8), byte(h.RestartInterval), 0xff, 0xff)
		}
		if offset == 0 {
			f.b = appendTables(f.b, &h)
		}
		n := min(len(data)-offset, s.mostBytes-(len(f.b)-begin))
		f.b = append(f.b, data[offset:offset+n]...)
		if offset += n; offset == len(data) {
			s.mark(f, place)
		}
		s.close(f, place)
	}
}

// blocks returns a size in blocks of 8 pixels.
func blocks(pixels int) byte { return byte((pixels + 7) / 8) }

// appendTables appends the quantization tables of luma and of chroma (RFC 2435, 3.1.8).
func appendTables(b []byte, h *jpeg.Header) []byte {
	luma, chroma := h.Quantization[0], h.Quantization[1]
	if chroma == nil {
		chroma = luma
	}
	precision := byte(len(luma)>>7 | len(chroma)>>7<<1) // bit i: table i has 128 bytes
	size := len(luma) + len(chroma)
	b = append(b, 0, precision, byte(size>>8), byte(size))
	return append(append(b, luma...), chroma...)
}
