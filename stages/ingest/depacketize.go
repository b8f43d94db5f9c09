package ingest

import (
	"encoding/binary"
	"errors"
)

// depacketizer takes NAL units out of the RTP payloads of one codec.
type depacketizer interface {
	// unpack adds a payload's NAL units or fragment to the unit. After an error
	// something is missing behind the unit's last element.
	unpack(u *Unit, payload []byte) error
}

// What is wrong with a payload.
var (
	errShort    = errors.New("RTP payload is too short")
	errFragment = errors.New("fragment without its beginning")
	errPacking  = errors.New("RTP payload is packed in a way that is not supported")
)

// h264Payload follows RFC 6184: single NAL units, STAP-A and FU-A, which is all
// of packetization modes 0 and 1. A payload of any other type is none of theirs
// (5.2, 5.4) and taken for a NAL unit: it is left out as one of undefined type.
type h264Payload struct{}

const (
	stapA = 24
	fuA   = 28
)

func (h264Payload) unpack(u *Unit, p []byte) error {
	if len(p) == 0 {
		return errShort
	}
	switch t := p[0] & 0x1f; {
	case t == fuA:
		return fragment264(u, p)
	case u.open:
		u.Drop()
		u.Damaged = true
	}
	if p[0]&0x1f == stapA {
		return aggregate(u, p[1:])
	}
	u.Put(p)
	cleanStartCodes(u, roleH264(p[0]&0x1f), p)
	return nil
}

// fragment264 follows RFC 6184, 5.8. Some senders set start and end in one.
func fragment264(u *Unit, p []byte) error {
	if len(p) < 2 {
		return errShort
	}
	start, end := p[1]&0x80 != 0, p[1]&0x40 != 0
	if start {
		if u.open {
			u.Drop()
			u.Damaged = true
		}
		u.Begin()
		u.Add(p[0]&0xe0 | p[1]&0x1f)
	} else if !u.open {
		return errFragment
	}
	u.Add(p[2:]...)
	if end {
		u.End()
		cleanStartCodes(u, roleH264(p[1]&0x1f), p[2:])
	}
	return nil
}

// aggregate adds NAL units behind 16-bit sizes (RFC 6184, 5.7.1; RFC 7798,
// 4.4.2). One of no size is none, and zeros behind them are padding.
func aggregate(u *Unit, p []byte) error {
	for len(p) >= 2 {
		n := int(binary.BigEndian.Uint16(p))
		if n > len(p)-2 {
			return errShort
		}
		u.Put(p[2 : 2+n])
		p = p[2+n:]
	}
	return nil
}

// cleanStartCodes splits a NAL unit in which the sender left Annex B start codes.
// Those that do put them before or between the parameter sets and what follows
// them, so that slices need not be searched.
func cleanStartCodes(u *Unit, r role, p []byte) {
	prefixed := len(p) >= 3 && p[0] == 0 && p[1] == 0 && p[2] <= 1
	if prefixed || r != rolePicture && r != roleKey {
		u.splitStartCodes()
	}
}

// h265Payload follows RFC 7798: single NAL units, aggregation packets and
// fragmentation units, without decoding order numbers (sprop-max-don-diff 0).
// What is of a type that it leaves open is taken for a NAL unit, as in H.264.
type h265Payload struct{}

const (
	apH265   = 48
	fuH265   = 49
	paciH265 = 50 // a packet within, behind its own header: nothing is known to send it
)

func (h265Payload) unpack(u *Unit, p []byte) error {
	if len(p) == 0 {
		return errShort
	}
	t := p[0] >> 1 & 0x3f
	if t == fuH265 {
		return fragment265(u, p)
	}
	if u.open {
		u.Drop()
		u.Damaged = true
	}
	switch {
	case t == apH265:
		return aggregate(u, p[min(len(p), 2):])
	case t == paciH265:
		return errPacking
	}
	u.Put(p)
	cleanStartCodes(u, roleH265(t), p)
	return nil
}

// fragment265 follows RFC 7798, 4.4.3.
func fragment265(u *Unit, p []byte) error {
	if len(p) < 3 {
		return errShort
	}
	start, end := p[2]&0x80 != 0, p[2]&0x40 != 0
	if start {
		if u.open {
			u.Drop()
			u.Damaged = true
		}
		u.Begin()
		u.Add(p[0]&0x81|p[2]&0x3f<<1, p[1])
	} else if !u.open {
		return errFragment
	}
	u.Add(p[3:]...)
	if end {
		u.End()
		cleanStartCodes(u, roleH265(p[2]&0x3f), p[3:])
	}
	return nil
}
