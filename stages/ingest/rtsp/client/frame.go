package client

import (
	"encoding/binary"
	"io"
)

// frameHeadBytes is the length of the head of a frame: $, the channel, and the length of the payload (RFC 2326, 10.12).
const frameHeadBytes = 4

// frame reads a frame of media into m. It returns false, and consumes nothing, if the next bytes cannot be a frame.
func (r *reader) frame(m *message) (bool, error) {
	b, err := r.br.Peek(frameHeadBytes)
	if err != nil {
		return false, err
	}
	channel, n := int(b[1]), int(binary.BigEndian.Uint16(b[2:]))
	if r.lost || n > 0 && !r.known(channel) {
		if is, err := r.plausible(channel, n); !is {
			return false, err
		}
	}
	_, _ = r.br.Discard(frameHeadBytes)
	if n > len(r.buf) {
		r.buf = make([]byte, n)
	}
	m.kind, m.channel, m.payload = frame, channel, r.buf[:n]
	_, err = io.ReadFull(r.br, m.payload)
	return true, err
}

// plausible reports whether the next bytes, which look like the head of a frame of n bytes on a channel, begin a frame.
// After bytes that were no message (r.lost), the payload must be RTP or RTCP on a known channel. Otherwise the payload
// must be RTP or RTCP, or another message must begin behind the frame.
func (r *reader) plausible(channel, n int) (bool, error) {
	if n < 8 && r.lost {
		return false, nil
	}
	b, err := r.br.Peek(frameHeadBytes + 1)
	if err != nil {
		return false, err
	}
	isRTP := b[frameHeadBytes]>>6 == 2 // version 2
	switch {
	case r.lost:
		return isRTP && r.known(channel), nil
	case isRTP:
		return true, nil
	case frameHeadBytes+n >= r.br.Size():
		return false, nil
	}
	b, err = r.br.Peek(frameHeadBytes + n + 1)
	if err != nil {
		return false, err
	}
	next := b[frameHeadBytes+n]
	return next == '$' || next == '\r' || isLetter(next), nil
}
