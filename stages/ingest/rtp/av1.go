package rtp

import (
	"github.com/gospool/spool/pipeline/codec/obu"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
)

func (f *Format) av1(of media.Codec) (Config, error) {
	return f.pictures(of, &av1Payload{}), nil
}

// av1Payload implements "RTP Payload Format For AV1" 1.0.0. The OBUs of a temporal unit get their sizes.
type av1Payload struct {
	part []byte // the beginning of an OBU that continues in the next packet
	obu  []byte // memory of the newest OBU
}

// The bits of the aggregation header (4.4).
const (
	av1Continues = 0x80 // Z: the first element continues an OBU
	av1Unended   = 0x40 // Y: the last element continues in the next packet
)

func (a *av1Payload) unpack(u *ingest.Unit, p []byte) error {
	if !u.Open() {
		if a.part = a.part[:0]; p[0]&av1Continues != 0 {
			return errFragment
		}
		u.Begin()
	} else if (p[0]&av1Continues != 0) != (len(a.part) > 0) {
		return errPacking
	}
	counted, rest := int(p[0]>>4&3), p[1:] // W: number of elements, of which the last has no size; 0: each has a size
	for i := 1; len(rest) > 0; i++ {
		element := rest
		if i == counted {
			rest = nil
		} else {
			size, body, ok := obu.Size(rest)
			if !ok || size > len(body) {
				return errShort
			}
			element, rest = body[:size], body[size:]
		}
		if len(a.part)+len(element) > media.MaxAccessUnitBytes {
			return errShort
		}
		a.part = append(a.part, element...)
		if len(rest) == 0 && p[0]&av1Unended != 0 {
			return nil
		}
		if err := a.add(u); err != nil {
			return err
		}
	}
	return nil
}

// add adds the OBU in a.part to u, unless files do not have OBUs of its type.
func (a *av1Payload) add(u *ingest.Unit) error {
	if len(a.part) == 0 {
		return nil
	}
	unit, _, ok := obu.Next(a.part)
	a.part = a.part[:0]
	if !ok {
		return errPacking
	}
	switch unit.Type {
	case obu.TemporalDelimiter, obu.TileList, obu.Padding:
		return nil
	}
	a.obu = unit.Append(a.obu[:0])
	u.Add(a.obu...)
	return nil
}

func (a *av1Payload) end(u *ingest.Unit) {
	if u.Open() && len(a.part) == 0 {
		u.End()
	}
	if cap(a.part) > keptFragmentBytes {
		a.part, a.obu = nil, nil
	}
}

func (a *av1Payload) joins(p []byte) bool { return p[0]&av1Continues != 0 }
