package transport

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/datarhei/gosrt/packet"

	"github.com/gospool/spool/pipeline/guard"
)

// Sizes of the wire format (draft-sharabayko-srt, 3).
const (
	headerBytes      = 16
	handshakeBytes   = 48   // of a handshake without extensions
	maxDatagramBytes = 1472 // of an MTU of 1500 over IPv4
	mtuBytes         = 1500
	minMTUBytes      = 76 // of the smallest MSS that libsrt takes
)

var order = binary.BigEndian

// head is what a datagram's first bytes say about its connection.
type head struct {
	socket    uint32 // of the receiver; 0: it is for the listener
	handshake bool
}

// readHead reads the head of a datagram. ok is false if the datagram is no SRT packet.
func readHead(b []byte) (h head, ok bool) {
	if len(b) < headerBytes || len(b) > maxDatagramBytes {
		return head{}, false
	}
	return head{order.Uint32(b[12:]), order.Uint16(b) == 1<<15|packet.CTRLTYPE_HANDSHAKE.Value()}, true
}

// handshake is a received handshake (3.2.1).
type handshake struct {
	packet.CIFHandshake
	timestamp uint32 // of its packet, µs
}

var errMalformed = errors.New("the handshake is malformed")

// readHandshake reads the handshake in a datagram.
func readHandshake(b []byte) (*handshake, error) {
	if len(b) < headerBytes+handshakeBytes || !prepare(b[headerBytes:]) {
		return nil, errMalformed
	}
	h := &handshake{timestamp: order.Uint32(b[8:])}
	if err := guard.Call(func() error { return h.Unmarshal(b[headerBytes:]) }); err != nil {
		return nil, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return h, nil
}

// prepare makes a handshake readable for gosrt, and reports whether it can be read: its extensions must end where the datagram
// does. libsrt does not repeat the length of the key in its answer as listener; gosrt takes that for a length of 16 bytes.
func prepare(b []byte) bool {
	for extension := b[handshakeBytes:]; len(extension) > 0; {
		if len(extension) < 4 {
			return false
		}
		kind, next := packet.CtrlSubType(order.Uint16(extension)), 4+4*int(order.Uint16(extension[2:]))
		if len(extension) < next {
			return false
		}
		if keys := extension[4:next]; (kind == packet.EXTTYPE_KMREQ || kind == packet.EXTTYPE_KMRSP) && len(keys) >= 16 && order.Uint16(b[4:]) == 0 {
			order.PutUint16(b[4:], fieldOfKeyLength(4*int(keys[15])))
		}
		extension = extension[next:]
	}
	return true
}

// control returns a control packet to a socket of the peer (3.2). cif may be nil.
func control(kind packet.CtrlType, sub packet.CtrlSubType, specific, timestamp, socket uint32, cif packet.CIF) []byte {
	p := packet.NewPacket(nil)
	defer p.Decommission()
	h := p.Header()
	h.IsControlPacket, h.ControlType, h.SubType, h.TypeSpecific, h.Timestamp, h.DestinationSocketId = true, kind, sub, specific, timestamp, socket
	if cif != nil {
		_ = p.MarshalCIF(cif) // no error: it is written to a buffer
	}
	var out bytes.Buffer
	_ = p.Marshal(&out)
	return out.Bytes()
}
