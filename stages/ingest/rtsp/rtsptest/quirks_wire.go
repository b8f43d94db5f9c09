package rtsptest

func init() {
	add(Quirk{Name: "foreign-ssrc", Doc: "cameras that send their second stream into the same session, under an SSRC of its own", Wire: foreign})
	add(Quirk{Name: "ssrc-change", Doc: "cameras whose encoder begins anew in the middle: SSRC and sequence numbers are others", Wire: func(s *Session) func([]Packet) []Packet {
		return func(p []Packet) []Packet {
			for i := range p {
				if p[i].N >= 20*(1+p[i].Sender.Index) {
					p[i].SSRC += 0x1000
					p[i].Seq += 30000
				}
			}
			return p
		}
	}})
	add(Quirk{Name: "ssrc-zero", Doc: "cameras whose SSRC is 0, and not that of the answer to SETUP", Wire: func(*Session) func([]Packet) []Packet {
		return func(p []Packet) []Packet {
			for i := range p {
				p[i].SSRC = 0
			}
			return p
		}
	}})
	add(Quirk{Name: "garbage-between-frames", Doc: "firmware that writes more than it says: stray bytes between interleaved frames", Before: func(n int) []byte {
		switch n % 30 {
		case 7:
			return []byte("\r\n")
		case 17:
			return []byte{0, 0, 0, 0}
		case 27:
			return []byte{0x80, 0x60, 1, 2, 3, 0xff, 0xfe, 0x0d}
		}
		return nil
	}})
	add(Quirk{Name: "unknown-channels", Doc: "cameras with interleaved channels that were not set up", Before: func(n int) []byte {
		if n%10 == 5 {
			return []byte{'$', 10, 0, 6, 'h', 'e', 'l', 'l', 'o', '!'}
		}
		return nil
	}})
	add(Quirk{Name: "empty-frames", Doc: "cameras with interleaved frames of no byte, and of too few", Before: func(n int) []byte {
		if n%10 == 5 {
			return []byte{'$', 0, 0, 0, '$', 0, 0, 3, 0x80, 96, 0, '$', 1, 0, 2, 0x80, 200}
		}
		return nil
	}})
	add(Quirk{Name: "extensions", Doc: "cameras with ONVIF's header extension, and padding", Wire: func(*Session) func([]Packet) []Packet {
		return func(p []Packet) []Packet {
			for i := range p {
				p[i].Extension = []byte{0xab, 0xac, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 0x80, 0, 0, 0}
				p[i].Padding = byte(i%3) * 4
			}
			return p
		}
	}})
	add(Quirk{Name: "empty-packets", Doc: "cameras that keep the way open with packets without payload", Wire: func(*Session) func([]Packet) []Packet {
		return func(p []Packet) []Packet {
			out := []Packet{}
			for _, pkt := range p {
				if out = append(out, pkt); pkt.N%10 == 3 && pkt.Marker {
					k := pkt.Sender
					pkt.Seq, pkt.Data, pkt.Marker = k.seq, nil, false
					k.seq++
					out = append(out, pkt)
				}
			}
			return out
		}
	}})
	add(Quirk{Name: "udp", Doc: "a good camera over UDP"})
	add(Quirk{Name: "udp-reordered", Doc: "networks with several ways", Wire: func(*Session) func([]Packet) []Packet {
		return func(p []Packet) []Packet {
			for i := 0; i+1 < len(p); i += 2 {
				p[i], p[i+1] = p[i+1], p[i]
			}
			return p
		}
	}})
	add(Quirk{Name: "udp-duplicates", Doc: "networks that repeat", Wire: func(*Session) func([]Packet) []Packet {
		var last []Packet
		return func(p []Packet) []Packet {
			out := append([]Packet{}, p...)
			if len(p) > 1 {
				out = append(out, p[0], p[1])
			}
			out = append(out, last...)
			last = p[len(p)-1:]
			return out
		}
	}})
	add(Quirk{Name: "udp-loss", Doc: "networks that lose: one packet of each 20th picture", Wire: func(*Session) func([]Packet) []Packet {
		return func(p []Packet) []Packet {
			if Lost(p[0].Sender.Index, p[0].N) {
				return p[1:]
			}
			return p
		}
	}})
}

// Lost reports whether the quirk udp-loss drops a packet of an access unit. n counts the track's access units in a
// session from 0.
func Lost(track, n int) bool { return track == 0 && n%20 == 13 }

// foreign is a Quirk.Wire that sends a packet of another sender, with an SSRC of its own, after each packet from the
// fourth access unit of a track on.
func foreign(s *Session) func([]Packet) []Packet {
	seq := uint16(40000)
	return func(p []Packet) []Packet {
		out := make([]Packet, 0, 2*len(p))
		for _, pkt := range p {
			out = append(out, pkt)
			if pkt.N < 3 {
				continue
			}
			u := &pkt.Sender.Track.Units[(pkt.N+7)%len(pkt.Sender.Track.Units)]
			pkt.SSRC, pkt.Seq, pkt.TS = 0xbadf00d, seq, pkt.TS+12345
			if pkt.Data = u.NALs[0]; pkt.Sender.Track.Codec == AAC {
				pkt.Data = append([]byte{0, 16, byte(len(pkt.Data) >> 5), byte(len(pkt.Data) << 3)}, pkt.Data...)
			} else if len(pkt.Data) > maxPayloadBytes {
				pkt.Data = pkt.Data[:maxPayloadBytes]
			}
			seq++
			out = append(out, pkt)
		}
		return out
	}
}
