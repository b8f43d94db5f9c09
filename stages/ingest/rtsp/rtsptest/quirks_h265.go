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

// numbered returns a Quirk.Payloads whose packets carry decoding order numbers (DONL; RFC 7798, 4.4), of single NAL
// units or of aggregation packets. The numbers start near 65535, so that they wrap within a test.
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

// withDONL returns the payloads of a NAL unit with its decoding order number: one packet, or several FUs.
func withDONL(nal []byte, pts int64, don uint16) (out []Payload) {
	number := binary.BigEndian.AppendUint16(nil, don)
	pieces := fuH265(nal)
	at := 3 // length of the headers of an FU
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

// aggregated returns the payloads of an access unit in which small NAL units share aggregation packets. If don is not
// nil, the packets carry decoding order numbers, *don is the first, and aggregated increases it.
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
