package rtsptest

import "encoding/binary"

// maxPayloadBytes is the length above which a NAL unit is divided, and the most bytes of a NAL unit in one fragment,
// without the fragment's header. It is small, so that even the pictures of a small clip need several packets.
const maxPayloadBytes = 1200

// packetise holds, by codec, the function that makes the packetiser of a good camera.
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

// pictureOf returns the payloads of a picture. pieces divides each NAL unit into the payloads of its packets; the last
// packet has the marker.
func pictureOf(u *Unit, pts int64, pieces func([]byte) [][]byte) (out []Payload) {
	for _, nal := range u.NALs {
		for _, data := range pieces(nal) {
			out = append(out, Payload{PTS: pts, Data: data})
		}
	}
	out[len(out)-1].Marker = true
	return out
}

// fuA returns the payloads of an H.264 NAL unit: the NAL unit itself, or FU-A fragments if it exceeds maxPayloadBytes
// (RFC 6184, 5.8).
func fuA(nal []byte) [][]byte {
	if len(nal) <= maxPayloadBytes {
		return [][]byte{nal}
	}
	return fragments(nal[1:], func(first, last bool) []byte {
		return []byte{nal[0]&0xe0 | 28, nal[0]&0x1f | ends(first, last)}
	})
}

// fuH265 returns the payloads of an H.265 NAL unit: the NAL unit itself, or FUs if it exceeds maxPayloadBytes (RFC
// 7798, 4.4.3).
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

// ends returns the bits S and E of the header of an FU (RFC 6184, 5.8): S for the first fragment of a NAL unit, E for
// the last.
func ends(first, last bool) (b byte) {
	if first {
		b |= 0x80
	}
	if last {
		b |= 0x40
	}
	return b
}

// sized appends a NAL unit to out, after its length in 16 bits.
func sized(out, nal []byte) []byte {
	return append(binary.BigEndian.AppendUint16(out, uint16(len(nal))), nal...)
}
