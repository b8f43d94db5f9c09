package rtp

import "github.com/gospool/spool/pipeline/media/live"

// parts sends a unit in packets without headers, of which the last one has the marker: MPEG-4 part 2 (RFC 6416, 5), KLV (RFC 6597,
// 4.2) and ONVIF metadata (ONVIF Streaming Specification, 5.1.2).
func parts(s *Sender, f *Frames, _ *live.Unit) {
	for s.payload.left > 0 {
		n := min(s.payload.left, s.mostBytes)
		place := s.open(f, s.newest, n == s.payload.left)
		f.b = s.payload.appendTo(f.b, n)
		s.close(f, place)
	}
}

// The bits of the payload descriptor of RFC 9628, 4.2.
const (
	vp9Inter = 0x40 // P
	vp9Begin = 0x08 // B
	vp9End   = 0x04 // E
)

// vp9 sends a frame or a superframe as one layer frame.
func vp9(s *Sender, f *Frames, u *live.Unit) {
	flags := byte(vp9Begin)
	if !u.Sync {
		flags |= vp9Inter
	}
	for ; s.payload.left > 0; flags &^= vp9Begin {
		n := min(s.payload.left, s.mostBytes-1)
		ends := n == s.payload.left
		if ends {
			flags |= vp9End
		}
		place := s.open(f, s.newest, ends)
		f.b = append(f.b, flags)
		f.b = s.payload.appendTo(f.b, n)
		s.close(f, place)
	}
}
