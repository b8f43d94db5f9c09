package client

import (
	"encoding/binary"
	"io"
)

// frameHead is $, the channel and the length of the payload (RFC 2326, 10.12).
const frameHead = 4

// frame reads a frame of media; false where what comes can't be one. After bytes
// that were none of a message it must look like RTP or RTCP on a known channel.
func (r *reader) frame(m *message) (bool, error) {
	b, err := r.br.Peek(frameHead)
	if err != nil {
		return false, err
	}
	channel, n := int(b[1]), int(binary.BigEndian.Uint16(b[2:]))
	if n > 0 && (r.lost || !r.known(channel)) {
		if b, err = r.br.Peek(frameHead + 1); err != nil {
			return false, err
		}
		if b[frameHead]>>6 != 2 { // version of RTP
			return false, nil
		}
	}
	if r.lost && (!r.known(channel) || n < 8) {
		return false, nil
	}
	_, _ = r.br.Discard(frameHead)
	if n > len(r.buf) {
		r.buf = make([]byte, n)
	}
	m.kind, m.channel, m.payload = frame, channel, r.buf[:n]
	_, err = io.ReadFull(r.br, m.payload)
	return true, err
}
