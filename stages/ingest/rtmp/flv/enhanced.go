package flv

import (
	"errors"
	"fmt"
)

// The packet types of Enhanced RTMP, for sound and pictures. Packets of other types are Other.
const (
	typeConfig = 0
	typeCoded  = 1 // the data of some codecs of pictures begins with a composition time
	typeCodedX = 3 // of pictures: the composition time is 0
	typeExtra  = 4 // of pictures: metadata
	typeModEx  = 7

	audioTracks = 5 // multitrack packet of sound
	videoTracks = 6 // multitrack packet of pictures
)

// The forms of a multitrack packet.
const (
	oneTrack       = 0
	manyTracks     = 1
	manyWithCodecs = 2
)

var errPackets = fmt.Errorf("more than %d packets in a message", maxPackets)

// enhanced divides a message of Enhanced RTMP. kind is the packet type of its first byte, b follows that byte. command is
// set if the message is a command for pictures, unless it is metadata.
func (r *Reader) enhanced(kind uint8, b []byte, command, video bool) ([]Packet, error) {
	nano, kind, b, err := modifiers(kind, b)
	if err != nil || command && kind != typeExtra {
		return nil, err
	}
	multitrack := uint8(audioTracks)
	if video {
		multitrack = videoTracks
	}
	if kind != multitrack {
		if len(b) < 4 {
			return nil, errCut
		}
		r.packets = append(r.packets, packetOf(kind, fourCC(b), 0, b[4:], nano, video))
		return r.packets, nil
	}
	if len(b) < 1 {
		return nil, errCut
	}
	form, kind := b[0]>>4, b[0]&15
	if form > manyWithCodecs {
		return nil, fmt.Errorf("multitrack packet of the unknown form %d", form)
	}
	return r.packets, r.tracks(form, kind, b[1:], nano, video)
}

// tracks appends the packets of a multitrack message.
func (r *Reader) tracks(form, kind uint8, b []byte, nano int32, video bool) error {
	var of Codec
	for first := true; first || len(b) > 0; first = false {
		if form == manyWithCodecs || first {
			if len(b) < 4 {
				return errCut
			}
			of, b = fourCC(b), b[4:]
		}
		if len(b) < 1 {
			return errCut
		}
		track := b[0]
		data, rest := b[1:], []byte(nil)
		if form != oneTrack {
			if len(data) < 3 {
				return errCut
			}
			size := int(unsigned24(data))
			if data = data[3:]; len(data) < size {
				return errCut
			}
			data, rest = data[:size], data[size:]
		}
		if len(r.packets) == maxPackets {
			return errPackets
		}
		r.packets = append(r.packets, packetOf(kind, of, track, data, nano, video))
		b = rest
	}
	return nil
}

// packetOf returns a packet of a packet type other than multitrack and ModEx.
func packetOf(kind uint8, of Codec, track uint8, data []byte, nano int32, video bool) Packet {
	p := Packet{Codec: of, Track: track, Data: data, NanoNS: nano, Kind: Other}
	switch {
	case kind == typeConfig:
		p.Kind = Config
	case kind == typeCoded:
		p.Kind, p.Composed = Frame, video
	case kind == typeCodedX && video:
		p.Kind = Frame
	}
	return p
}

func fourCC(b []byte) Codec { return FourCC(string(b[:4])) }

// maxModifiers bounds the modifiers before a packet.
const maxModifiers = 16

// modifiers reads the modifiers (ModEx) before a packet: it returns the offset of the time in ns, and the type and the
// bytes of the packet. It skips modifiers that it does not know.
func modifiers(kind uint8, b []byte) (nano int32, of uint8, rest []byte, err error) {
	const timestampOffsetNano, maxNanoNS = 0, 999999
	for n := 0; kind == typeModEx; n++ {
		if n == maxModifiers {
			return 0, 0, nil, errors.New("too many modifiers before a packet")
		}
		size := 0
		if len(b) > 0 {
			size, b = int(b[0])+1, b[1:]
		}
		if size == 256 && len(b) >= 2 {
			size, b = (int(b[0])<<8|int(b[1]))+1, b[2:]
		}
		if size == 0 || len(b) < size+1 {
			return 0, 0, nil, errCut
		}
		if b[size]>>4 == timestampOffsetNano && size >= 3 {
			nano = int32(min(unsigned24(b), maxNanoNS))
		}
		kind, b = b[size]&15, b[size+1:]
	}
	return nano, kind, b, nil
}
