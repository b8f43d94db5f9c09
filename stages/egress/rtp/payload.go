package rtp

import "github.com/gospool/spool/pipeline/media/live"

// payload reads the payload of a unit in order, from the slices in which it lies.
type payload struct {
	slices [][]byte
	next   int // index of the slice that is read
	left   int // bytes
}

func (p *payload) reset(u *live.Unit) {
	clear(p.slices) // the chunk may be freed
	p.slices, p.next, p.left = u.Slices(p.slices[:0]), 0, u.SizeBytes
}

// appendTo appends the next n bytes to dst. The payload must have them.
func (p *payload) appendTo(dst []byte, n int) []byte {
	p.left -= n
	for n > 0 {
		part := p.slices[p.next]
		if len(part) > n {
			p.slices[p.next] = part[n:]
			return append(dst, part[:n]...)
		}
		dst, n = append(dst, part...), n-len(part)
		p.next++
	}
	return dst
}

// whole returns the payload of the unit in one slice: where it lies, or in s.scratch.
func (s *Sender) whole() []byte {
	p := &s.payload
	if len(p.slices) == 1 {
		return p.slices[0]
	}
	s.scratch = s.scratch[:0]
	for _, part := range p.slices {
		s.scratch = append(s.scratch, part...)
	}
	return s.scratch
}
