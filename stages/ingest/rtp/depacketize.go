package rtp

import (
	"encoding/binary"
	"errors"
	"time"

	"github.com/gospool/spool/pipeline/codec/h264"
	"github.com/gospool/spool/pipeline/codec/h265"
	"github.com/gospool/spool/pipeline/codec/nalunit"
	"github.com/gospool/spool/stages/ingest"
)

// depacketizer extracts NAL units from the RTP payloads of one codec. The caller passes no empty payload.
type depacketizer interface {
	// unpack adds the NAL units or the fragment in a payload to u. An error means that data is missing after the
	// last element of u.
	unpack(u *ingest.Unit, payload []byte) error
	// continues reports whether a payload is a fragment of a NAL unit, but not its first fragment.
	continues(payload []byte) bool
	// joins reports whether a payload, the first of a session whose NAL units arrive in decoding order, continues a
	// NAL unit that began before the session.
	joins(payload []byte) bool
	// timed reports whether the NAL units in a payload have times of their own.
	timed(payload []byte) bool
	// ordered takes a payload whose NAL units have decoding order numbers.
	ordered(t *Track, payload []byte, ticks int64, at time.Time) error
	// role returns the role of a NAL unit by the type in its header.
	role(nal []byte) nalunit.Role
}

// The errors of an RTP payload that cannot be unpacked.
var (
	errShort    = errors.New("RTP payload is too short")
	errFragment = errors.New("fragment without its beginning")
	errPacking  = errors.New("RTP payload is packed in a way that is not supported")
)

// h264Payload implements RFC 6184. Its method unpack is for packetization modes 0 and 1: single NAL units, STAP-A and
// FU-A. unpack also accepts STAP-B and FU-B of mode 2 and ignores their decoding order numbers, because its NAL units
// arrive in decoding order. A payload of any other type (5.2, 5.4) counts as a NAL unit, which the feed then leaves out
// as undefined.
type h264Payload struct{}

// Types of H.264 payloads that are no types of NAL units (RFC 6184, table 1).
const (
	stapA  = 24
	stapB  = 25
	mtap16 = 26
	mtap24 = 27
	fuA    = 28
	fuB    = 29
)

func (h264Payload) unpack(u *ingest.Unit, p []byte) error {
	if len(p) == 0 {
		return errShort
	}
	t := p[0] & 0x1f
	if t == fuA || t == fuB && len(p) >= 4 && p[1]&0x80 != 0 {
		return fragment264(u, p)
	}
	u.Tear()
	switch {
	case t == stapA:
		return aggregate(u, p[1:])
	case t == stapB && tiles(p):
		return aggregate(u, p[3:])
	}
	u.Put(p)
	cleanStartCodes(u, h264.RoleOfType(t), p)
	return nil
}

// continues implements depacketizer by RFC 6184, 5.8.
func (h264Payload) continues(p []byte) bool {
	t := p[0] & 0x1f
	return len(p) > 1 && (t == fuA || t == fuB) && p[1]&0x80 == 0
}

// joins returns false for an FU-B, which is used for NAL units in another order than decoding order.
func (h h264Payload) joins(p []byte) bool { return h.continues(p) && p[0]&0x1f != fuB }

func (h264Payload) timed(p []byte) bool {
	t := p[0] & 0x1f
	return (t == mtap16 || t == mtap24) && tiles(p)
}

func (h264Payload) role(nal []byte) nalunit.Role { return h264.RoleOfType(nal[0] & 0x1f) }

// fragment264 adds the fragment in an FU-A or FU-B (RFC 6184, 5.8) to u. It accepts a fragment with both the start and
// the end bit, which some senders use.
func fragment264(u *ingest.Unit, p []byte) error {
	if len(p) < 2 {
		return errShort
	}
	body := p[2:]
	if p[0]&0x1f == fuB {
		body = p[4:]
	}
	return fragment(u, p[1]&0x80 != 0, p[1]&0x40 != 0, h264.RoleOfType(p[1]&0x1f), body, p[0]&0xe0|p[1]&0x1f)
}

// aggregate adds the NAL units of a list with 16-bit sizes to u (RFC 6184, 5.7.1; RFC 7798, 4.4.2). It skips NAL
// units of size 0, so trailing zeros are padding.
func aggregate(u *ingest.Unit, p []byte) error {
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

// cleanStartCodes splits the newest NAL unit of u at the Annex B start codes that the sender left in it. r is the
// role of that NAL unit, and p the payload that completes it. Such senders put start codes before or between
// parameter sets, or before the NAL unit after these, so cleanStartCodes does not search a slice that begins without
// one.
func cleanStartCodes(u *ingest.Unit, r nalunit.Role, p []byte) {
	prefixed := len(p) >= 3 && p[0] == 0 && p[1] == 0 && p[2] <= 1
	if prefixed || r != nalunit.RolePicture && r != nalunit.RoleKey {
		u.SplitStartCodes()
	}
}

// h265Payload implements RFC 7798: single NAL units, aggregation packets, fragmentation units, and PACI packets,
// which contain one of these. Payloads of undefined types count as NAL units, as for H.264.
type h265Payload struct{ inner []byte }

const (
	apH265   = 48
	fuH265   = 49
	paciH265 = 50
)

func (h *h265Payload) unpack(u *ingest.Unit, p []byte) (err error) {
	if p, err = h.open(p); err != nil {
		return err
	}
	t := p[0] >> 1 & 0x3f
	if t == fuH265 {
		return fragment265(u, p)
	}
	u.Tear()
	if t == apH265 {
		return aggregate(u, p[min(len(p), 2):])
	}
	u.Put(p)
	cleanStartCodes(u, h265.RoleOfType(t), p)
	return nil
}

// open returns the payload inside a PACI packet (RFC 7798, 4.4.4), and any other payload itself. The result is
// valid until the next call.
func (h *h265Payload) open(p []byte) ([]byte, error) {
	switch {
	case len(p) == 0:
		return nil, errShort
	case p[0]>>1&0x3f != paciH265:
		return p, nil
	case len(p) < 4:
		return nil, errShort
	}
	kind, extension := p[2]>>1&0x3f, int(p[2]&1)<<4|int(p[3]>>4)
	if kind == paciH265 || len(p) < 4+extension {
		return nil, errPacking
	}
	h.inner = append(h.inner[:0], p[2]&0x80|kind<<1|p[0]&1, p[1])
	h.inner = append(h.inner, p[4+extension:]...)
	return h.inner, nil
}

// continues implements depacketizer by RFC 7798, 4.4.3.
func (h *h265Payload) continues(p []byte) bool {
	return len(p) > 2 && p[0]>>1&0x3f == fuH265 && p[2]&0x80 == 0
}

func (h *h265Payload) joins(p []byte) bool { return h.continues(p) }

func (h *h265Payload) timed([]byte) bool { return false }

func (h *h265Payload) role(nal []byte) nalunit.Role { return h265.RoleOfType(nal[0] >> 1 & 0x3f) }

// fragment265 adds the fragment in a fragmentation unit (RFC 7798, 4.4.3) to u.
func fragment265(u *ingest.Unit, p []byte) error {
	if len(p) < 3 {
		return errShort
	}
	return fragment(u, p[2]&0x80 != 0, p[2]&0x40 != 0, h265.RoleOfType(p[2]&0x3f), p[3:], p[0]&0x81|p[2]&0x3f<<1, p[1])
}

// fragment adds a fragment of a NAL unit to u. start and end report whether it is the first and the last fragment.
// header is the header of the NAL unit, which fragment adds before the first fragment. r is the role of the NAL
// unit.
func fragment(u *ingest.Unit, start, end bool, r nalunit.Role, body []byte, header ...byte) error {
	if start {
		u.Tear()
		u.Begin()
		u.Add(header...)
	} else if !u.Open() {
		return errFragment
	}
	u.Add(body...)
	if end {
		u.End()
		cleanStartCodes(u, r, body)
	}
	return nil
}
