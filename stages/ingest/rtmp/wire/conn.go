package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/bluenviron/gortmplib/pkg/amf0"
	"github.com/bluenviron/gortmplib/pkg/handshake"
	"github.com/bluenviron/gortmplib/pkg/rawmessage"
)

// The types of messages.
const (
	typeChunkSize     = 1
	typeAbort         = 2
	typeAcknowledge   = 3
	typeUserControl   = 4
	typeWindow        = 5
	typePeerBandwidth = 6
	TypeAudio         = 8
	TypeVideo         = 9
	TypeDataAMF3      = 15
	TypeCommandAMF3   = 17
	TypeData          = 18
	TypeCommand       = 20
	TypeAggregate     = 22

	eventBufferLength, eventPing, eventPong = 3, 6, 7 // of user control messages (7.1.7)
)

// SmallMessageBytes is the most bytes of a message, before a larger one has been allowed. No command is nearly as long.
const SmallMessageBytes = 64 << 10

const (
	controlChunks = 2 // chunk stream of control messages (5.4)
	windowBytes   = 2500000
	leastWindow   = 64 << 10 // a peer that wants an acknowledgement more often gets it that often
)

// Conn is a connection to a peer. It belongs to one goroutine.
type Conn struct {
	in      *chunkReader
	out     *rawmessage.Writer
	both    io.ReadWriter // with buffered input
	counted countingReader

	windowBytes, acknowledged uint64 // of the peer; and the bytes for which it has got an acknowledgement
}

// countingReader counts the bytes that have been read.
type countingReader struct {
	io.Reader
	bytes uint64
}

func (c *countingReader) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.bytes += uint64(n)
	return n, err
}

// NewConn returns a connection over rw.
func NewConn(rw io.ReadWriter) *Conn {
	c := &Conn{counted: countingReader{Reader: rw}}
	from := bufio.NewReaderSize(&c.counted, 16<<10)
	c.in, c.out = newChunkReader(from, SmallMessageBytes), rawmessage.NewWriter(rw, nil, false)
	c.both = struct {
		io.Reader
		io.Writer
	}{from, rw}
	return c
}

// Allow sets the size of the largest message that Read accepts.
func (c *Conn) Allow(messageBytes int) { c.in.maxBytes = messageBytes }

// Count makes the connection pass each change of the memory of its messages to count, beginning with what it has now.
// After false Read fails. nil discards all messages, unfinished ones too, and then ends the counting.
func (c *Conn) Count(count func(bytes int) bool) {
	if count == nil {
		for _, s := range c.in.streams {
			c.in.discard(s)
		}
	}
	if c.in.count = count; count != nil {
		count(c.in.bytes)
	}
}

// ErrEncrypted is the error of a peer that wants RTMPE, a form of encryption that protects nothing.
var ErrEncrypted = errors.New("RTMPE is not spoken here: use rtmps")

// Accept performs the handshake as the server.
func (c *Conn) Accept() error {
	const encrypted = 6 // version, whose handshake costs much
	version, err := c.in.from.Peek(1)
	switch {
	case err != nil:
	case version[0] == encrypted:
		err = ErrEncrypted
	default:
		_, _, err = handshake.DoServer(c.both, false)
	}
	if err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	return nil
}

// Greet performs the handshake as the client.
func (c *Conn) Greet() error {
	if _, _, err := handshake.DoClient(c.both, false, false); err != nil {
		return fmt.Errorf("handshake: %w", err)
	}
	return nil
}

// Read reads messages, and answers those that control the connection, until one is for the caller: a command, data, sound
// or pictures. m.Body is valid until the next call.
func (c *Conn) Read(m *Message) error {
	for {
		if err := c.in.read(m); err != nil {
			return err
		}
		if err := c.acknowledge(); err != nil {
			return err
		}
		switch m.Type {
		case TypeAudio, TypeVideo, TypeDataAMF3, TypeCommandAMF3, TypeData, TypeCommand, TypeAggregate:
			return nil
		}
		if err := c.control(m); err != nil {
			return err
		}
	}
}

// acknowledge tells the peer how many bytes have come (5.4.3).
func (c *Conn) acknowledge() error {
	if c.windowBytes == 0 || c.counted.bytes-c.acknowledged < c.windowBytes {
		return nil
	}
	c.acknowledged = c.counted.bytes
	return c.number(typeAcknowledge, uint32(c.counted.bytes))
}

// control handles a control message (5.4, 7.1.7). It ignores one that is cut, unknown, or of no use here.
func (c *Conn) control(m *Message) error {
	if m.Type == typeUserControl {
		if len(m.Body) >= 6 && binary.BigEndian.Uint16(m.Body) == eventPing {
			return c.send(typeUserControl, binary.BigEndian.AppendUint32([]byte{0, eventPong}, binary.BigEndian.Uint32(m.Body[2:])))
		}
		return nil
	}
	if len(m.Body) < 4 {
		return nil
	}
	n := binary.BigEndian.Uint32(m.Body)
	switch m.Type {
	case typeChunkSize:
		return c.in.resize(n)
	case typeAbort:
		c.in.abort(n)
	case typeWindow:
		c.windowBytes = uint64(max(n, leastWindow))
	}
	return nil
}

// Begin sends the control messages of the beginning of a connection.
func (c *Conn) Begin() error {
	if err := c.number(typeWindow, windowBytes); err != nil {
		return err
	}
	const dynamic = 2 // limit type (5.4.5)
	return c.send(typePeerBandwidth, append(binary.BigEndian.AppendUint32(nil, windowBytes), dynamic))
}

// number sends a control message with one number.
func (c *Conn) number(kind uint8, n uint32) error {
	return c.send(kind, binary.BigEndian.AppendUint32(nil, n))
}

func (c *Conn) send(kind uint8, body []byte) error {
	return c.out.Write(&rawmessage.Message{ChunkStreamID: controlChunks, Type: kind, Body: body})
}

// Send sends a command on a message stream, which is 0 for the connection itself.
func (c *Conn) Send(stream uint32, name string, number float64, arguments ...any) error {
	body, err := append(amf0.Data{name, number}, arguments...).Marshal()
	if err != nil {
		return err
	}
	chunks := byte(3)
	if stream != 0 {
		chunks = 5
	}
	m := &rawmessage.Message{ChunkStreamID: chunks, Type: TypeCommand, Body: body}
	m.MessageStreamID = littleEndian(stream)
	return c.out.Write(m)
}

// littleEndian returns a number whose bytes in network order are those of n in little-endian order, which the number of a
// message stream has (5.3.1.2.5). Package rawmessage writes it in network order.
func littleEndian(n uint32) uint32 {
	return binary.BigEndian.Uint32(binary.LittleEndian.AppendUint32(nil, n))
}
