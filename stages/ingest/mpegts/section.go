package mpegts

import (
	"encoding/binary"

	"github.com/gospool/spool/pipeline/mpegts"
)

// maxSectionBytes is the greatest size of a section of the PAT or the PMT (2.4.4.4).
const maxSectionBytes = 1024

// sections joins the sections of a PID from packets (2.4.4).
type sections struct {
	buf  []byte // of the current section
	open bool   // a section has begun
}

// write takes the payload of a packet, and calls section with each whole section whose checksum is right. The argument is
// valid during the call. write reports whether all data followed the format.
func (s *sections) write(p *packet, section func([]byte)) (ok bool) {
	b := p.payload
	if !p.begins {
		return s.add(b, section)
	}
	pointer := int(b[0])
	if 1+pointer > len(b) {
		s.open = false
		return false
	}
	ok = s.add(b[1:1+pointer], section)
	s.begin()
	return s.add(b[1+pointer:], section) && ok
}

func (s *sections) begin() { s.buf, s.open = s.buf[:0], true }

// lost records that packets are missing.
func (s *sections) lost() { s.open = false }

func (s *sections) add(b []byte, section func([]byte)) (ok bool) {
	ok = true
	for s.open && len(b) > 0 {
		if len(s.buf) == 0 && b[0] == 0xff { // stuffing up to the end of the packet
			s.open = false
			break
		}
		want := 3
		if len(s.buf) >= want {
			want += int(binary.BigEndian.Uint16(s.buf[1:]) & 0xfff)
		}
		if want > maxSectionBytes {
			s.open = false
			return false
		}
		n := min(want-len(s.buf), len(b))
		s.buf, b = append(s.buf, b[:n]...), b[n:]
		if len(s.buf) < want || want == 3 && binary.BigEndian.Uint16(s.buf[1:])&0xfff > 0 {
			continue
		}
		if whole := mpegts.CRC32(s.buf) == 0 && len(s.buf) > 8; whole {
			section(s.buf)
		} else {
			ok = false
		}
		s.begin()
	}
	return ok
}
