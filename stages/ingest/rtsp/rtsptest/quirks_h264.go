package rtsptest

import "encoding/binary"

func init() {
	add(Quirk{Name: "stap-a", Doc: "cameras that put what is small of a picture into one packet, parameter sets first", Payloads: func(k *Sender) Packetiser {
		return func(_ int, u *Unit, pts int64) []Payload {
			if u.Key {
				u = &Unit{NALs: append(append([][]byte{}, k.Track.Sets...), u.NALs...)}
			}
			return together(u, pts, 24, fuA)
		}
	}})
	add(Quirk{Name: "in-band-sets", Doc: "cameras that describe no parameter sets, and send them with each key frame",
		Describe: func(s *Session, sdp string) string {
			t := s.clip.Video()
			return swap("sprop-parameter-sets="+b64(t.Sets[0])+","+b64(t.Sets[1]), "x=1")(s, sdp)
		},
		Payloads: func(k *Sender) Packetiser {
			return func(_ int, u *Unit, pts int64) []Payload {
				if u.Key {
					u = &Unit{NALs: append(append([][]byte{{9, 0x10}}, k.Track.Sets...), u.NALs...)}
				}
				return pictureOf(u, pts, fuA)
			}
		}})
	add(Quirk{Name: "no-marker", Doc: "cameras that mark no last packet: a picture ends where the time changes", Wire: func(*Session) func([]Packet) []Packet {
		return func(p []Packet) []Packet {
			for i := range p {
				p[i].Marker = p[i].Sender.Index > 0
			}
			return p
		}
	}})
	add(Quirk{Name: "start-codes", Doc: "cameras that leave Annex B's start codes in the packets", Payloads: func(*Sender) Packetiser {
		return func(_ int, u *Unit, pts int64) []Payload {
			whole := pictureOf(u, pts, fuA)
			for i := range whole {
				if whole[i].Data[0]&0x1f < 24 {
					whole[i].Data = append([]byte{0, 0, 0, 1}, whole[i].Data...)
				}
			}
			return whole
		}
	}})
	const depth = ";sprop-interleaving-depth=0;sprop-deint-buf-req=0;sprop-max-don-diff=0"
	add(Quirk{Name: "stap-b", Doc: "encoders in interleaved mode (RFC 6184, 5.7.1)", Mode: "2" + depth, Payloads: func(*Sender) Packetiser {
		i := newInterleaver()
		return func(_ int, u *Unit, pts int64) []Payload { return i.alone(u, pts) }
	}})
	add(Quirk{Name: "fu-b", Doc: "encoders in interleaved mode that cut each NAL unit (RFC 6184, 5.8)", Mode: "2" + depth, Payloads: func(*Sender) Packetiser {
		i := newInterleaver()
		return func(_ int, u *Unit, pts int64) (out []Payload) {
			for _, nal := range u.NALs {
				out = append(out, i.fuB(nal, pts)...)
			}
			out[len(out)-1].Marker = true
			return out
		}
	}})
	add(Quirk{Name: "mtap16", Doc: "encoders that put pictures of several times into a packet (RFC 6184, 5.7.2)", Mode: "2" + depth, Payloads: multiTime(26, false)})
	add(Quirk{Name: "mtap24", Doc: "the same with longer offsets", Mode: "2" + depth, Payloads: multiTime(27, false)})
	add(Quirk{Name: "interleaved", Doc: "the same, sent in another order than decoding order", Mode: "2;sprop-interleaving-depth=2;sprop-deint-buf-req=60000;sprop-max-don-diff=4", Payloads: multiTime(26, true)})
}

// together returns the payloads of an access unit in which small NAL units share a packet of the type kind (RFC 6184,
// 5.7.1; RFC 7798, 4.4.2, differs only in the header). pieces divides a large NAL unit.
func together(u *Unit, pts int64, kind byte, pieces func([]byte) [][]byte) (out []Payload) {
	batch := []byte{kind | 0x60}
	flush := func() {
		if len(batch) > 1 {
			out = append(out, Payload{PTS: pts, Data: batch})
		}
		batch = []byte{kind | 0x60}
	}
	for _, nal := range u.NALs {
		if len(nal) > maxPayloadBytes {
			flush()
			for _, data := range pieces(nal) {
				out = append(out, Payload{PTS: pts, Data: data})
			}
			continue
		}
		if len(batch)+2+len(nal) > maxPayloadBytes {
			flush()
		}
		batch = sized(batch, nal)
	}
	flush()
	out[len(out)-1].Marker = true
	return out
}

// interleaver numbers NAL units in decoding order (DON; RFC 6184, 5.5). It starts near 65535, so that the numbers wrap
// within a test.
type interleaver struct{ don uint16 }

func newInterleaver() *interleaver { return &interleaver{65500} }

// alone returns the payloads of an access unit: a STAP-B for each NAL unit, or FU-B and FU-A for a large one.
func (i *interleaver) alone(u *Unit, pts int64) (out []Payload) {
	for _, nal := range u.NALs {
		if len(nal) > maxPayloadBytes {
			out = append(out, i.fuB(nal, pts)...)
			continue
		}
		head := binary.BigEndian.AppendUint16([]byte{25 | nal[0]&0x60}, i.don)
		out = append(out, Payload{PTS: pts, Data: sized(head, nal)})
		i.don++
	}
	out[len(out)-1].Marker = true
	return out
}

// fuB returns the payloads of one NAL unit: an FU-B and then FU-A, two fragments at least.
func (i *interleaver) fuB(nal []byte, pts int64) (out []Payload) {
	body, size := nal[1:], min(maxPayloadBytes, (len(nal)-1+1)/2)
	for at := 0; at < len(body); at += size {
		end := min(at+size, len(body))
		head := []byte{nal[0]&0xe0 | 28, nal[0]&0x1f | ends(at == 0, end == len(body))}
		if at == 0 {
			head[0]++ // FU-B
			head = binary.BigEndian.AppendUint16(head, i.don)
		}
		out = append(out, Payload{PTS: pts, Data: append(head, body[at:end]...)})
	}
	i.don++
	return out
}

// timed is a NAL unit with its decoding order number and its presentation time in ticks.
type timed struct {
	don uint16
	pts int64
	nal []byte
}

// multiTime returns a Quirk.Payloads that puts the small NAL units of up to three access units into one packet: kind is
// 26 (MTAP16) or 27 (MTAP24). With swapped, every second group of packets goes out before the group that precedes it.
func multiTime(kind byte, swapped bool) func(*Sender) Packetiser {
	return func(*Sender) Packetiser {
		i := newInterleaver()
		var held []timed
		var waiting []Payload
		return func(n int, u *Unit, pts int64) (out []Payload) {
			flush := func() {
				if len(held) > 0 {
					out = append(out, Payload{PTS: held[0].pts, Data: aggregate(kind, held), Marker: true})
					held = nil
				}
			}
			for _, nal := range u.NALs {
				if len(nal) > maxPayloadBytes/3 {
					flush()
					out = append(out, i.fuB(nal, pts)...)
					out[len(out)-1].Marker = true
					continue
				}
				held = append(held, timed{i.don, pts, nal})
				i.don++
			}
			if n%3 == 2 || len(held) > 2 {
				flush()
			}
			if !swapped || len(out) == 0 {
				return out
			}
			if waiting == nil {
				waiting = out
				return nil
			}
			out = append(out, waiting...)
			waiting = nil
			return out
		}
	}
}

// aggregate returns a packet of the type kind, 26 (MTAP16) or 27 (MTAP24), that contains the NAL units units (RFC 6184,
// 5.7.2). The first unit must be the earliest in decoding order and in presentation time, because the packet stores the
// decoding order number and the time of each unit as a difference from those of the first.
func aggregate(kind byte, units []timed) []byte {
	out := binary.BigEndian.AppendUint16([]byte{kind | 0x60}, units[0].don)
	for _, t := range units {
		offset := uint32(t.pts - units[0].pts)
		out = binary.BigEndian.AppendUint16(out, uint16(len(t.nal)))
		out = append(out, byte(t.don-units[0].don))
		if kind == 27 {
			out = append(out, byte(offset>>16))
		}
		out = append(binary.BigEndian.AppendUint16(out, uint16(offset)), t.nal...)
	}
	return out
}
