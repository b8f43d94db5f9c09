package wire

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Message is a message of the peer.
type Message struct {
	Type   uint8
	Stream uint32 // message stream
	TimeMS uint32 // timestamp, which wraps
	Body   []byte // valid until the next message is read
}

// Media reports whether the message is one of sound, of pictures, or of both.
func (m *Message) Media() bool {
	return m.Type == TypeAudio || m.Type == TypeVideo || m.Type == TypeAggregate
}

// The bounds of chunks.
const (
	// MaxMessageBytes is the size of the largest message that the protocol can carry: its length has 24 bits.
	MaxMessageBytes = 1<<24 - 1

	firstChunkBytes = 128 // size of chunks until the peer sets another (5.4.1)
	maxChunkStreams = 32  // encoders use about five
	readStepBytes   = 64 << 10
	maxKeptBytes    = 2 << 20 // memory of finished messages that a connection keeps for the next ones
	extended        = 0xffffff
)

// maxFirstStepMS bounds the time of a message from which the time of the next one may follow (5.3.1.2.4): a header of
// type 3 after one of type 0 repeats its time as a step. Some senders mean a step of 0. Steps are short, and so the bound
// tells times from steps, except at the beginning, where both are about the same.
const maxFirstStepMS = 10000

// chunkReader joins the chunks of a connection to messages (section 5.3). Messages of several chunk streams may be
// interleaved.
type chunkReader struct {
	from      *bufio.Reader
	sizeBytes int // of a chunk
	maxBytes  int // of a message
	streams   map[uint32]*chunkStream
	heldBytes int                  // of unfinished messages
	keptBytes int                  // capacity of the buffers that are kept for further messages
	count     func(bytes int) bool // see Conn.Count; nil: memory is not counted
	bytes     int                  // capacity of all buffers
	done      *chunkStream
	header    [11]byte
}

// chunkStream is what a chunk header may leave out because it is as in the chunk before.
type chunkStream struct {
	timeMS, stepMS uint32
	extended       bool   // the newest header of type 0 to 2 has an extended timestamp
	extendedField  uint32 // its value
	lengthBytes    int
	kind           uint8
	stream         uint32
	body           []byte
	kept           int  // capacity of body that is counted in keptBytes
	open           bool // the message in body is not finished
}

func newChunkReader(from *bufio.Reader, maxBytes int) *chunkReader {
	return &chunkReader{from: from, sizeBytes: firstChunkBytes, maxBytes: maxBytes, streams: map[uint32]*chunkStream{}}
}

// read reads chunks until one ends a message. The error of a peer that breaks the rules says how.
func (r *chunkReader) read(m *Message) error {
	r.forget()
	for {
		c, err := r.chunk()
		if err != nil {
			return err
		}
		if c.open {
			continue
		}
		r.done = c
		*m = Message{Type: c.kind, Stream: c.stream, TimeMS: c.timeMS, Body: c.body}
		return nil
	}
}

// forget frees the memory of the message that was read before, unless it is small enough to be used again.
func (r *chunkReader) forget() {
	c := r.done
	if c == nil {
		return
	}
	r.done = nil
	r.keptBytes -= c.kept
	if c.kept = cap(c.body); r.keptBytes+c.kept > min(maxKeptBytes, 4*r.maxBytes) {
		r.resized(-c.kept)
		c.kept, c.body = 0, nil
	}
	r.keptBytes += c.kept
	c.body = c.body[:0]
}

// chunk reads one chunk.
func (r *chunkReader) chunk() (*chunkStream, error) {
	form, id, err := r.basicHeader()
	if err != nil {
		return nil, err
	}
	c := r.streams[id]
	switch {
	case c == nil && form > 1: // some clients begin with type 1
		return nil, fmt.Errorf("chunk stream %d begins without the header of a message", id)
	case c == nil && len(r.streams) == maxChunkStreams:
		return nil, fmt.Errorf("more than %d chunk streams", maxChunkStreams)
	case c == nil:
		c = &chunkStream{}
		r.streams[id] = c
	case c.open && form != 3:
		return nil, fmt.Errorf("chunk stream %d begins a message within another", id)
	}
	if err := r.messageHeader(c, form); err != nil {
		return nil, err
	}
	return c, r.payload(c)
}

// basicHeader reads the type of a chunk header, and the number of the chunk stream (5.3.1.1).
func (r *chunkReader) basicHeader() (form uint8, id uint32, err error) {
	b, err := r.from.ReadByte()
	if err != nil {
		return 0, 0, err
	}
	form, id = b>>6, uint32(b&63)
	if id > 1 {
		return form, id, nil
	}
	more := r.header[:id+1]
	if _, err := io.ReadFull(r.from, more); err != nil {
		return 0, 0, err
	}
	id = 64
	for i, b := range more {
		id += uint32(b) << (8 * i)
	}
	return form, id, nil
}

// messageHeader reads the rest of a chunk header (5.3.1.2, 5.3.1.3), and begins a message unless one is open.
func (r *chunkReader) messageHeader(c *chunkStream, form uint8) error {
	if form == 3 {
		if err := r.repeated(c); err != nil || c.open {
			return err
		}
		c.timeMS += c.stepMS
		return r.begin(c)
	}
	h := r.header[:[...]int{11, 7, 3}[form]]
	if _, err := io.ReadFull(r.from, h); err != nil {
		return err
	}
	field := uint32(h[0])<<16 | uint32(h[1])<<8 | uint32(h[2])
	if form < 2 {
		c.lengthBytes = int(h[3])<<16 | int(h[4])<<8 | int(h[5])
		c.kind = h[6]
	}
	if form == 0 {
		c.stream = binary.LittleEndian.Uint32(h[7:])
	}
	if c.extended = field == extended; c.extended {
		if _, err := io.ReadFull(r.from, h[:3]); err != nil {
			return err
		}
		last, err := r.from.ReadByte()
		if err != nil {
			return err
		}
		field = uint32(h[0])<<24 | uint32(h[1])<<16 | uint32(h[2])<<8 | uint32(last)
		c.extendedField = field
	}
	if form == 0 {
		c.timeMS, c.stepMS = field, 0
		if field <= maxFirstStepMS {
			c.stepMS = field
		}
	} else {
		c.timeMS, c.stepMS = c.timeMS+field, field
	}
	return r.begin(c)
}

// repeated skips the extended timestamp of a header of type 3. Some senders leave it out: then the payload follows.
func (r *chunkReader) repeated(c *chunkStream) error {
	if !c.extended {
		return nil
	}
	next, err := r.from.Peek(4)
	if err == nil && binary.BigEndian.Uint32(next) == c.extendedField {
		_, err = r.from.Discard(4)
	}
	return err
}

func (r *chunkReader) begin(c *chunkStream) error {
	if c.lengthBytes > r.maxBytes {
		return fmt.Errorf("a message of %d bytes; at most %d are taken here", c.lengthBytes, r.maxBytes)
	}
	c.open, c.body = true, c.body[:0]
	return nil
}

// The errors of a peer whose messages take too much memory.
var (
	errHeld   = errors.New("too many messages are unfinished at once")
	errMemory = errors.New("too much is held in memory, of this publisher or of all")
)

// resized counts a change of the capacity of all buffers. It returns false if there is no room.
func (r *chunkReader) resized(bytes int) bool {
	r.bytes += bytes
	return r.count == nil || r.count(bytes)
}

// payload reads the payload of a chunk. Memory grows with the bytes that have come, whatever length the header names.
func (r *chunkReader) payload(c *chunkStream) error {
	for left := min(r.sizeBytes, c.lengthBytes-len(c.body)); left > 0; {
		n := min(left, readStepBytes)
		if r.heldBytes+n > 2*r.maxBytes {
			return errHeld
		}
		at, capacity := len(c.body), cap(c.body)
		c.body = slices.Grow(c.body, n)[:at+n]
		if grown := cap(c.body) - capacity; grown > 0 && !r.resized(grown) {
			return errMemory
		}
		if _, err := io.ReadFull(r.from, c.body[at:]); err != nil {
			return err
		}
		left -= n
		r.heldBytes += n
	}
	if len(c.body) == c.lengthBytes {
		c.open = false
		r.heldBytes -= c.lengthBytes
	}
	return nil
}

// abort discards the unfinished message of a chunk stream (5.4.2).
func (r *chunkReader) abort(id uint32) {
	if c := r.streams[id]; c != nil && c.open {
		r.discard(c)
	}
}

// discard discards the message of a chunk stream, finished or not, and frees its memory.
func (r *chunkReader) discard(c *chunkStream) {
	if c.open {
		r.heldBytes -= len(c.body)
	}
	r.resized(-cap(c.body))
	r.keptBytes -= c.kept
	c.kept, c.body, c.open = 0, nil, false
}

// resize sets the size of the peer's chunks (5.4.1).
func (r *chunkReader) resize(bytes uint32) error {
	if bytes == 0 || bytes >= 1<<31 {
		return fmt.Errorf("a chunk size of %d bytes; it is 1 to %d", bytes, uint32(1<<31-1))
	}
	r.sizeBytes = int(min(bytes, MaxMessageBytes)) // no message is longer
	return nil
}
