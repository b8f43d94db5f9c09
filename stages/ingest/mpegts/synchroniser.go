package mpegts

// packetBytes is the size of a packet (2.4.1).
const packetBytes = 188

// syncByte is the first byte of each packet.
const syncByte = 0x47

// strides are the distances of two packets: plain, with a time of arrival of 4 bytes before each (M2TS), and with 16
// bytes of a Reed-Solomon code behind each (EN 300 429).
var strides = [3]int{packetBytes, 192, 204}

// searchBytes is how many bytes the search for packets looks at: up to the sync byte of the third packet.
const searchBytes = 2*204 + 1

// synchroniser finds the packets in a stream of bytes.
type synchroniser struct {
	stride int    // distance of two packets; 0: unknown
	skip   int    // bytes up to the next packet, which are not part of a packet
	held   []byte // the beginning of a packet; while the distance is unknown, bytes in which the packets are searched
	lost   int    // bytes passed over since the newest packet because they are no packets
}

// write takes bytes of the stream and calls packet with each packet. The argument is valid during the call. lost is the
// number of bytes passed over before the packet.
func (s *synchroniser) write(b []byte, packet func(p []byte, lost int)) {
	for len(b) > 0 {
		if s.stride == 0 {
			b = s.search(b, packet)
			continue
		}
		if s.skip > 0 {
			n := min(s.skip, len(b))
			b, s.skip = b[n:], s.skip-n
			continue
		}
		p := b
		switch {
		case len(s.held) > 0:
			n := min(packetBytes-len(s.held), len(b))
			s.held, b = append(s.held, b[:n]...), b[n:]
			if len(s.held) < packetBytes {
				return
			}
			p, s.held = s.held, s.held[:0]
		case len(b) < packetBytes:
			if b[0] == syncByte {
				s.held = append(s.held, b...)
				return
			}
			p, b = b, nil
		default:
			b = b[packetBytes:]
		}
		if p[0] != syncByte {
			s.stride = 0
			s.held = append(s.held[:0], p[:min(len(p), packetBytes)]...)
			continue
		}
		s.emit(p[:packetBytes], packet)
	}
}

func (s *synchroniser) emit(p []byte, packet func(p []byte, lost int)) {
	s.skip = s.stride - packetBytes
	lost := s.lost
	s.lost = 0
	packet(p, lost)
}

// search takes bytes while the distance of packets is unknown, and returns those that it has not taken. It finds the
// distance from three sync bytes.
func (s *synchroniser) search(b []byte, packet func(p []byte, lost int)) (rest []byte) {
	n := min(2*searchBytes-len(s.held), len(b))
	s.held, rest = append(s.held, b[:n]...), b[n:]
	at := 0
	for ; at+searchBytes <= len(s.held); at++ {
		if stride := strideAt(s.held[at:]); stride > 0 {
			s.lost += at
			s.found(stride, s.held[at:], packet)
			return rest
		}
	}
	s.lost += at
	s.held = s.held[:copy(s.held, s.held[at:])]
	return rest
}

// strideAt returns the distance of the packets that begin with b, or 0 if none begins there.
func strideAt(b []byte) int {
	if b[0] != syncByte {
		return 0
	}
	for _, stride := range strides {
		if b[stride] == syncByte && b[2*stride] == syncByte {
			return stride
		}
	}
	return 0
}

// found passes on the held packets. b is the end of s.held, and begins with a packet.
func (s *synchroniser) found(stride int, b []byte, packet func(p []byte, lost int)) {
	s.stride = stride
	for len(b) >= packetBytes && b[0] == syncByte {
		s.emit(b[:packetBytes], packet)
		n := min(s.stride, len(b))
		b, s.skip = b[n:], s.stride-n
	}
	if len(b) >= packetBytes {
		s.stride = 0
	}
	s.held = s.held[:copy(s.held, b)]
}

// flush passes on the held packets of a stream that ends before the distance of its packets is known.
func (s *synchroniser) flush(packet func(p []byte, lost int)) {
	if s.stride == 0 && len(s.held) > 0 && s.held[0] == syncByte {
		s.found(packetBytes, s.held, packet)
	}
	s.reset()
}

// reset forgets an incomplete packet, because bytes are missing behind it.
func (s *synchroniser) reset() {
	s.held, s.stride, s.skip = s.held[:0], 0, 0
}
