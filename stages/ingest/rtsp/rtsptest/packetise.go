package rtsptest

import "encoding/binary"

// maxPayloadBytes bounds a payload in bytes: small, so that pictures of a small clip need several.
const maxPayloadBytes = 1200

// packetise returns the packetiser of a good camera, by codec.
var packetise = map[string]func(*Sender) Packetiser{
	H264: func(*Sender) Packetiser {
		return func(_ int, u *Unit, pts int64) []Payload { return pictureOf(u, pts, fuA) }
	},
	H265: func(*Sender) Packetiser {
		return func(_ int, u *Unit, pts int64) []Payload { return pictureOf(u, pts, fuH265) }
	},
	AAC: func(*Sender) Packetiser {
		return func(_ int, u *Unit, pts int64) []Payload {
			head := []byte{0, 16, byte(len(u.NALs[0]) >> 5), byte(len(u.NALs[0]) << 3)} // RFC 3640, 3.3.6
			return []Payload{{PTS: pts, Data: append(head, u.NALs[0]...), Marker: true}}
		}
	},
}

// pictureOf packs each NAL unit alone, or in pieces; the last packet has the marker.
func pictureOf(u *Unit, pts int64, pieces func([]byte) [][]byte) (out []Payload) {
	for _, nal := range u.NALs {
		for _, data := range pieces(nal) {
			out = append(out, Payload{PTS: pts, Data: data})
		}
	}
	out[len(out)-1].Marker = true
	return out
}

// fuA returns a NAL unit unchanged, or in FU-A (RFC 6184, 5.8).
func fuA(nal []byte) [][]byte {
	if len(nal) <= maxPayloadBytes {
		return [][]byte{nal}
	}
	return fragments(nal[1:], func(first, last bool) []byte {
		return []byte{nal[0]&0xe0 | 28, nal[0]&0x1f | ends(first, last)}
	})
}

// fuH265 does the same for H.265 (RFC 7798, 4.4.3).
func fuH265(nal []byte) [][]byte {
	if len(nal) <= maxPayloadBytes {
		return [][]byte{nal}
	}
	return fragments(nal[2:], func(first, last bool) []byte {
		return []byte{nal[0]&0x81 | 49<<1, nal[1], nal[0]>>1&0x3f | ends(first, last)}
	})
}

func fragments(body []byte, head func(first, last bool) []byte) (out [][]byte) {
	for at := 0; at < len(body); at += maxPayloadBytes {
		end := min(at+maxPayloadBytes, len(body))
		out = append(out, append(head(at == 0, end == len(body)), body[at:end]...))
	}
	return out
}

// ends returns the S and E bits.
func ends(first, last bool) (b byte) {
	if first {
		b |= 0x80
	}
	if last {
		b |= 0x40
	}
	return b
}

// sized appends a NAL unit behind its 16-bit size.
func sized(out, nal []byte) []byte {
	return append(binary.BigEndian.AppendUint16(out, uint16(len(nal))), nal...)
}
