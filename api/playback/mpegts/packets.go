package mpegts

import (
	"io"

	"github.com/asticode/go-astits"
)

// packets collects the packets that a muxer writes in small pieces, numbers them, and sends many at once.
type packets struct {
	out     io.Writer
	buf     []byte
	counted int             // bytes of buf that are whole packets
	numbers map[uint16]byte // by PID: packets with a payload so far, modulo 16
}

// sendBytes is about the number of bytes that are sent at once.
const sendBytes = 64 << 10

func (p *packets) Write(b []byte) (int, error) {
	p.buf = append(p.buf, b...)
	for len(p.buf)-p.counted >= astits.MpegTsPacketSize {
		head := p.buf[p.counted:]
		p.number(head)
		p.counted += astits.MpegTsPacketSize
	}
	if p.counted < sendBytes {
		return len(b), nil
	}
	return len(b), p.flush()
}

// number sets the continuity_counter of a packet (ISO/IEC 13818-1, 2.4.3.3): it counts the packets of a PID that have a payload, also across a
// change of the track's codec, at which the muxer begins again.
func (p *packets) number(head []byte) {
	pid := uint16(head[1]&0x1f)<<8 | uint16(head[2])
	if head[3]&0x10 != 0 {
		p.numbers[pid] = (p.numbers[pid] + 1) & 15
	}
	head[3] = head[3]&0xf0 | p.numbers[pid]
}

// flush sends the whole packets.
func (p *packets) flush() error {
	if p.counted == 0 {
		return nil
	}
	_, err := p.out.Write(p.buf[:p.counted])
	p.buf = append(p.buf[:0], p.buf[p.counted:]...)
	p.counted = 0
	return err
}
