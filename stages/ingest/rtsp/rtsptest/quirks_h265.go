package rtsptest

import "encoding/binary"

func init() {
	add(Quirk{Name: "h265-donl", Doc: "H.265 with decoding order numbers (RFC 7798, 4.4)", Clip: H265, Describe: swap("a=fmtp:96 ", "a=fmtp:96 sprop-max-don-diff=1;"), Payloads: numbered(false)})
	add(Quirk{Name: "h265-donl-ap", Doc: "the same in aggregation packets", Clip: H265, Describe: swap("a=fmtp:96 ", "a=fmtp:96 sprop-max-don-diff=1; sprop-depack-buf-nalus=0;"), Payloads: numbered(true)})
	add(Quirk{Name: "h265-ap", Doc: "cameras that put parameter sets and picture into one packet", Clip: H265, Payloads: func(k *Sender) Packetiser {
		return func(_ int, u *Unit, pts int64) []Payload {
			if u.Key {
				u = &Unit{NALs: append(append([][]byte{}, k.Track.Sets...), u.NALs...)}
			}
			return aggregated(u, pts, nil)
		}
	}})
}

// numbered packs NAL units with DONL, which count from near where they wrap.
func numbered(aggregates bool) func(*Sender) Packetiser {
	return func(k *Sender) Packetiser {
		don := uint16(65500)
		return func(_ int, u *Unit, pts int64) (out []Payload) {
			if aggregates {
				if u.Key {
					u = &Unit{NALs: append(append([][]byte{}, k.Track.Sets...), u.NALs...)}
				}
				return aggregated(u, pts, &don)
			}
			for _, nal := range u.NALs {
				out = append(out, withDONL(nal, pts, don)...)
				don++
			}
			out[len(out)-1].Marker = true
			return out
		}
	}
}

// withDONL packs a NAL unit in a packet of its own, or in FUs, with its number.
func withDONL(nal []byte, pts int64, don uint16) (out []Payload) {
	number := binary.BigEndian.AppendUint16(nil, don)
	pieces := fuH265(nal)
	at := 3 // behind the header of an FU
	if len(pieces) == 1 {
		at = 2
	}
	for i, p := range pieces {
		if i == 0 {
			p = append(append(append([]byte{}, p[:at]...), number...), p[at:]...)
		}
		out = append(out, Payload{PTS: pts, Data: p})
	}
	return out
}

// aggregated puts an access unit's small NAL units into one packet, with numbers if don is not nil.
func aggregated(u *Unit, pts int64, don *uint16) (out []Payload) {
	batch, count := []byte{48 << 1, 1}, 0
	flush := func() {
		if count > 0 {
			out = append(out, Payload{PTS: pts, Data: batch})
		}
		batch, count = []byte{48 << 1, 1}, 0
	}
	for _, nal := range u.NALs {
		if len(nal) > maxPayloadBytes {
			flush()
			if don != nil {
				out = append(out, withDONL(nal, pts, *don)...)
				*don++
				continue
			}
			for _, p := range fuH265(nal) {
				out = append(out, Payload{PTS: pts, Data: p})
			}
			continue
		}
		if len(batch)+4+len(nal) > maxPayloadBytes {
			flush()
		}
		if don != nil {
			if count == 0 {
				batch = binary.BigEndian.AppendUint16(batch, *don)
			} else {
				batch = append(batch, 0) // DOND: the next number
			}
			*don++
		}
		batch = sized(batch, nal)
		count++
	}
	flush()
	out[len(out)-1].Marker = true
	return out
}
