package flv

import (
	"errors"
	"fmt"
)

// Kind is what a packet holds.
type Kind uint8

// The kinds of packets.
const (
	Config Kind = iota // decoder configuration: a sequence header
	Frame              // an access unit
	Other              // the end of a sequence, metadata of colours, the layout of channels, a command: nothing to record
)

// Codec identifies a codec: an ID of FLV, below 16, or a FourCC of Enhanced RTMP, its first letter in the highest byte.
type Codec uint32

// FourCC returns the Codec of four letters.
func FourCC(letters string) Codec {
	return Codec(letters[0])<<24 | Codec(letters[1])<<16 | Codec(letters[2])<<8 | Codec(letters[3])
}

// String returns the FourCC, or the number of an ID. Letters that cannot be printed are replaced.
func (c Codec) String() string {
	if c < 16 {
		return fmt.Sprintf("FLV codec %d", uint32(c))
	}
	text := []byte{byte(c >> 24), byte(c >> 16), byte(c >> 8), byte(c)}
	for i, b := range text {
		if b <= ' ' || b > '~' {
			text[i] = '?'
		}
	}
	return string(text)
}

// Packet is a part of a message that belongs to one track.
type Packet struct {
	Kind  Kind
	Track uint8 // number among the tracks of sound, or of pictures
	Codec Codec
	Key   bool   // of pictures: a key frame, as the sender says
	Data  []byte // shares the memory of the message

	// Composed is set for a frame of pictures whose codec decides whether its data begins with a composition time: see
	// Compose.
	Composed      bool
	CompositionMS int32 // presentation time less decoding time
	NanoNS        int32 // to be added to the time of the message: Enhanced RTMP, TimestampOffsetNano
	Sound         Sound // of sound in the form of FLV
}

// Sound are the properties that FLV gives each message of sound. Of most codecs they mean nothing (E.4.2.1).
type Sound struct {
	Rate, Bits, Channels int
}

var errCut = errors.New("the message is cut")

// Compose takes the composition time from the beginning of the data.
func (p *Packet) Compose() error {
	if len(p.Data) < 3 {
		return errCut
	}
	p.CompositionMS, p.Data = signed24(p.Data), p.Data[3:]
	return nil
}

func unsigned24(b []byte) uint32 { return uint32(b[0])<<16 | uint32(b[1])<<8 | uint32(b[2]) }
func signed24(b []byte) int32    { return int32(unsigned24(b)<<8) >> 8 }

// maxPackets bounds the packets of a message.
const maxPackets = 64

// Reader divides messages. Its memory is used again with each message.
type Reader struct{ packets []Packet }

// Video divides a message of pictures. The result is valid until the next call. After an error it holds the packets before
// the fault.
func (r *Reader) Video(body []byte) ([]Packet, error) {
	r.packets = r.packets[:0]
	if len(body) == 0 {
		return nil, nil // some senders keep a connection alive so
	}
	const key, command = 1, 5 // frame types, bits 4 to 6
	frameType := body[0] >> 4 & 7
	if body[0]&0x80 != 0 {
		packets, err := r.enhanced(body[0]&15, body[1:], frameType == command, true)
		for i := range packets {
			packets[i].Key = frameType == key
		}
		return packets, err
	}
	p := Packet{Codec: Codec(body[0] & 15), Kind: Frame, Key: frameType == key, Data: body[1:]}
	if frameType == command {
		return nil, nil
	}
	var err error
	if withPacketType(p.Codec) {
		err = p.packetType()
	}
	return r.one(p, err)
}

// withPacketType reports whether the data of pictures begins with a packet type and a composition time: of H.264, and of
// the codecs 12 and 13, H.265 and AV1, which some senders use without a standard.
func withPacketType(c Codec) bool { return c == 7 || c == 12 || c == 13 }

// packetType reads an AVCPACKETTYPE and a composition time (E.4.3.1).
func (p *Packet) packetType() error {
	if len(p.Data) < 4 {
		return errCut
	}
	kind := p.Data[0]
	p.CompositionMS, p.Data = signed24(p.Data[1:]), p.Data[4:]
	switch kind {
	case 0:
		p.Kind = Config
	case 1:
	default:
		p.Kind = Other
	}
	return nil
}

// The values of fields of a message of sound (E.4.2.1).
const (
	enhancedSound = 9  // sound format
	aacSound      = 10 // sound format, whose data begins with a packet type
)

// Audio divides a message of sound, as Video does one of pictures.
func (r *Reader) Audio(body []byte) ([]Packet, error) {
	r.packets = r.packets[:0]
	if len(body) == 0 {
		return nil, nil
	}
	if body[0]>>4 == enhancedSound {
		return r.enhanced(body[0]&15, body[1:], false, false)
	}
	p := Packet{Codec: Codec(body[0] >> 4), Kind: Frame, Data: body[1:]}
	p.Sound = Sound{Rate: 44100 >> (3 - body[0]>>2&3), Bits: 8 << (body[0] >> 1 & 1), Channels: 1 + int(body[0]&1)}
	if p.Codec == aacSound {
		if len(p.Data) == 0 {
			return nil, errCut
		}
		if p.Data[0] == 0 {
			p.Kind = Config
		}
		p.Data = p.Data[1:]
	}
	return r.one(p, nil)
}

func (r *Reader) one(p Packet, err error) ([]Packet, error) {
	if err != nil {
		return nil, err
	}
	r.packets = append(r.packets, p)
	return r.packets, nil
}

// Aggregate calls each for the messages within an aggregate message whose time is timeMS (RTMP 1.0, 7.1.6). It returns an
// error if the rest cannot be divided, or the error of each.
func Aggregate(timeMS uint32, body []byte, each func(kind uint8, timeMS uint32, body []byte) error) error {
	const head, tail = 11, 4 // of an FLV tag: its header, and its size again
	first := true
	var begin uint32
	for len(body) > 0 {
		if len(body) < head {
			return errCut
		}
		size := int(unsigned24(body[1:]))
		at := unsigned24(body[4:]) | uint32(body[7])<<24
		if len(body) < head+size {
			return errCut
		}
		if first {
			first, begin = false, at
		}
		if err := each(body[0], timeMS+at-begin, body[head:head+size]); err != nil {
			return err
		}
		body = body[min(head+size+tail, len(body)):]
	}
	return nil
}
