package exec

import "bytes"

var startCode = []byte{0, 0, 1}

// maxNALBytes bounds a NAL unit. A longer one is left out.
const maxNALBytes = 16 << 20

// byteStream divides a byte stream (ITU-T H.264 and H.265, Annex B) into NAL units.
type byteStream struct {
	buf   []byte // from behind the newest start code on
	begun bool   // a start code has come
	over  bool   // the NAL unit is too long: its bytes are not kept
}

// write calls emit for each NAL unit that ends in b. tooLong is the number of NAL units that were too long.
func (s *byteStream) write(b []byte, emit func(nal []byte) error) (tooLong uint64, err error) {
	looked := max(len(s.buf)-len(startCode)+1, 0)
	s.buf = append(s.buf, b...)
	rest := s.buf
	for {
		at := bytes.Index(rest[looked:], startCode)
		if at < 0 {
			break
		}
		nal := bytes.TrimRight(rest[:looked+at], "\x00")
		rest = rest[looked+at+len(startCode):]
		looked = 0
		switch {
		case s.over:
			tooLong++
		case s.begun && len(nal) > 0:
			if err = emit(nal); err != nil {
				return tooLong, err
			}
		}
		s.begun, s.over = true, false
	}
	if len(rest) > maxNALBytes {
		s.over = true
	}
	if s.over || !s.begun {
		rest = rest[max(len(rest)-len(startCode)+1, 0):]
	}
	s.buf = append(s.buf[:0], rest...)
	if cap(s.buf) > maxNALBytes/8 && len(s.buf) < cap(s.buf)/8 {
		s.buf = bytes.Clone(s.buf) // one long NAL unit must not keep its memory for ever
	}
	return tooLong, nil
}

// flush calls emit for the last NAL unit.
func (s *byteStream) flush(emit func(nal []byte) error) error {
	nal := bytes.TrimRight(s.buf, "\x00")
	s.buf = nil
	if !s.begun || s.over || len(nal) == 0 {
		return nil
	}
	return emit(nal)
}
