package wire

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// header returns a chunk header of type 0 to 2 on chunk stream id.
func header(form, id byte, time uint32, length int, kind byte) []byte {
	b := []byte{form<<6 | id, byte(time >> 16), byte(time >> 8), byte(time)}
	if form < 2 {
		b = append(b, byte(length>>16), byte(length>>8), byte(length), kind)
	}
	if form == 0 {
		b = append(b, 1, 0, 0, 0) // little-endian
	}
	return b
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

// read reads all messages from bytes, and returns them with the error that ends them.
func read(maxBytes int, in []byte) (all []Message, err error) {
	r := newChunkReader(bufio.NewReader(bytes.NewReader(in)), maxBytes)
	for {
		var m Message
		if err := r.read(&m); err != nil {
			return all, err
		}
		m.Body = bytes.Clone(m.Body)
		all = append(all, m)
	}
}

// Chunks, byte by byte as section 5.3 writes them.
func TestChunks(t *testing.T) {
	long := bytes.Repeat([]byte{7}, 300)
	for name, tc := range map[string]struct {
		in   []byte
		want []Message
	}{
		"one chunk":          {join(header(0, 3, 1000, 2, 8), []byte("ab")), []Message{{8, 1, 1000, []byte("ab")}}},
		"several chunks":     {join(header(0, 3, 0, 300, 9), long[:128], []byte{0xc3}, long[:128], []byte{0xc3}, long[:44]), []Message{{9, 1, 0, long}}},
		"a step":             {join(header(0, 3, 1000, 1, 8), []byte("a"), header(1, 3, 20, 2, 9), []byte("bc"), header(2, 3, 5, 0, 0), []byte("de")), []Message{{8, 1, 1000, []byte("a")}, {9, 1, 1020, []byte("bc")}, {9, 1, 1025, []byte("de")}}},
		"the step again":     {join(header(0, 3, 1000, 1, 8), []byte("a"), header(2, 3, 20, 0, 0), []byte("b"), []byte{0xc3, 'c'}, []byte{0xc3, 'd'}), []Message{{8, 1, 1000, []byte("a")}, {8, 1, 1020, []byte("b")}, {8, 1, 1040, []byte("c")}, {8, 1, 1060, []byte("d")}}},
		"the time is a step": {join(header(0, 3, 40, 1, 8), []byte("a"), []byte{0xc3, 'b'}), []Message{{8, 1, 40, []byte("a")}, {8, 1, 80, []byte("b")}}},
		"the time is none":   {join(header(0, 3, 0xf00000, 1, 8), []byte("a"), []byte{0xc3, 'b'}), []Message{{8, 1, 0xf00000, []byte("a")}, {8, 1, 0xf00000, []byte("b")}}},
		"interleaved":        {join(header(0, 3, 0, 129, 9), long[:128], header(0, 4, 5, 1, 8), []byte("s"), []byte{0xc3, 7}), []Message{{8, 1, 5, []byte("s")}, {9, 1, 0, long[:129]}}},
		"extended": {join(header(0, 3, 0xffffff, 129, 9), []byte{0xff, 0, 0, 1}, long[:128], []byte{0xc3, 0xff, 0, 0, 1, 7}),
			[]Message{{9, 1, 0xff000001, long[:129]}}},
		"extended, not repeated": {join(header(0, 3, 0xffffff, 133, 9), []byte{0xff, 0, 0, 1}, long[:128], []byte{0xc3}, long[:5]),
			[]Message{{9, 1, 0xff000001, long[:133]}}},
		"an extended step": {join(header(0, 3, 16, 1, 9), []byte("a"), header(2, 3, 0xffffff, 0, 0), []byte{0x01, 0, 0, 0}, []byte("b")),
			[]Message{{9, 1, 16, []byte("a")}, {9, 1, 0x01000010, []byte("b")}}},
		"the clock wraps":   {join(header(0, 3, 0xffffff, 1, 9), []byte{0xff, 0xff, 0xff, 0xff}, []byte("a"), header(2, 3, 2, 0, 0), []byte("b")), []Message{{9, 1, 0xffffffff, []byte("a")}, {9, 1, 1, []byte("b")}}},
		"two-byte number":   {join([]byte{0x00, 10}, header(0, 3, 0, 1, 9)[1:], []byte("a"), []byte{0xc0, 10, 'b'}), []Message{{9, 1, 0, []byte("a")}, {9, 1, 0, []byte("b")}}},
		"three-byte number": {join([]byte{0x01, 1, 2}, header(0, 3, 0, 1, 9)[1:], []byte("a"), []byte{0xc1, 1, 2, 'b'}), []Message{{9, 1, 0, []byte("a")}, {9, 1, 0, []byte("b")}}},
		"without a message": {join(header(0, 3, 0, 0, 9), header(0, 3, 7, 1, 9), []byte("a")), []Message{{9, 1, 0, []byte{}}, {9, 1, 7, []byte("a")}}},
		"type 1 first":      {join(header(1, 2, 0, 1, 9), []byte("a")), []Message{{9, 0, 0, []byte("a")}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := read(1000, tc.in)
			require.Equal(t, io.EOF, err)
			require.Equal(t, len(tc.want), len(got))
			for i := range got {
				require.Equal(t, tc.want[i].TimeMS, got[i].TimeMS, "message %d", i)
				require.Equal(t, string(tc.want[i].Body), string(got[i].Body), "message %d", i)
				require.Equal(t, tc.want[i].Type, got[i].Type, "message %d", i)
				require.Equal(t, tc.want[i].Stream, got[i].Stream, "message %d", i)
			}
		})
	}
}

func TestChunksThatAreRefused(t *testing.T) {
	var many []byte
	for i := range maxChunkStreams + 1 {
		many = append(many, join(header(0, byte(3+i), 0, 1, 9), []byte("a"))...)
	}
	var unfinished []byte
	for i := range 4 {
		unfinished = append(unfinished, join(header(0, byte(3+i), 0, 1000, 9), make([]byte, 128))...)
		for range 6 {
			unfinished = append(unfinished, join([]byte{0xc0 | byte(3+i)}, make([]byte, 128))...)
		}
	}
	for says, in := range map[string][]byte{
		"a message of 1001 bytes; at most 1000":    header(0, 3, 0, 1001, 9),
		"begins without the header":                {0xc3, 1},
		"begins a message within another":          join(header(0, 3, 0, 129, 9), make([]byte, 128), header(0, 3, 0, 1, 9)),
		"more than 32 chunk streams":               many,
		"too many messages are unfinished at once": unfinished,
	} {
		_, err := read(1000, in)
		require.ErrorContains(t, err, says)
	}
}

// peer is a connection whose peer has sent some bytes; what it sends back is kept.
func peer(in []byte) (*Conn, *bytes.Buffer) {
	out := &bytes.Buffer{}
	return NewConn(struct {
		io.Reader
		io.Writer
	}{bytes.NewReader(in), out}), out
}

func control(kind byte, body ...byte) []byte { return join(header(0, 2, 0, len(body), kind), body) }

func TestControlMessages(t *testing.T) {
	c, out := peer(join(
		control(typeUserControl, 0, 6, 1, 2, 3, 4), control(typeUserControl, 0, 99), control(typeUserControl), control(typePeerBandwidth, 0, 0, 0, 1, 2), control(77, 1),
		header(0, 3, 0, 200, 9), make([]byte, 128), control(typeAbort, 0, 0, 0, 3), // an unfinished message
		control(typeChunkSize, 0, 0, 1, 0),
		header(0, 3, 0, 200, TypeVideo), bytes.Repeat([]byte{5}, 200),
	))
	var m Message
	require.NoError(t, c.Read(&m))
	require.Equal(t, bytes.Repeat([]byte{5}, 200), m.Body)
	require.Equal(t, io.EOF, c.Read(&m))
	require.True(t, bytes.HasSuffix(out.Bytes(), []byte{0, 7, 1, 2, 3, 4}), "the answer to a ping: %x", out.Bytes())
}

func TestSizesOfChunksThatAreRefused(t *testing.T) {
	for _, size := range []uint32{0, 1 << 31, 1<<32 - 1} {
		c, _ := peer(control(typeChunkSize, binary.BigEndian.AppendUint32(nil, size)...))
		var m Message
		require.ErrorContains(t, c.Read(&m), "a chunk size of")
	}
	c, _ := peer(join(control(typeChunkSize, 0x7f, 0xff, 0xff, 0xff), header(0, 3, 0, 3000, TypeVideo), make([]byte, 3000)))
	var m Message
	require.NoError(t, c.Read(&m))
	require.Len(t, m.Body, 3000)
}

func TestAcknowledgements(t *testing.T) {
	in := control(typeWindow, 0, 0, 0, 1)
	for range 40 {
		in = append(in, join(header(0, 3, 0, 4096, TypeVideo), make([]byte, 128))...)
		for range 31 {
			in = append(in, join([]byte{0xc3}, make([]byte, 128))...)
		}
	}
	c, out := peer(in)
	var m Message
	for range 40 {
		require.NoError(t, c.Read(&m))
	}
	sent, err := read(1000, out.Bytes())
	require.Equal(t, io.EOF, err)
	require.NotEmpty(t, sent)
	require.Less(t, len(sent), 4, "one for each %d bytes, whatever the peer wants", leastWindow)
	for _, m := range sent {
		require.EqualValues(t, typeAcknowledge, m.Type)
	}
}

// A peer cannot make the reader hold memory for bytes that it has not sent.
func TestMemoryGrowsWithTheBytes(t *testing.T) {
	c, _ := peer(join(control(typeChunkSize, 0x7f, 0xff, 0xff, 0xff), header(0, 3, 0, MaxMessageBytes, TypeVideo), make([]byte, 1000)))
	c.Allow(MaxMessageBytes)
	most := 0
	total := 0
	c.Count(func(n int) bool { total += n; most = max(most, total); return true })
	var m Message
	require.ErrorIs(t, c.Read(&m), io.ErrUnexpectedEOF)
	require.LessOrEqual(t, most, 2*readStepBytes)
}

func TestMemoryIsCounted(t *testing.T) {
	big := join(control(typeChunkSize, 0x7f, 0xff, 0xff, 0xff), header(0, 3, 0, 3<<20, TypeVideo), make([]byte, 3<<20), header(0, 3, 0, 1, TypeVideo), []byte("a"))
	c, _ := peer(big)
	c.Allow(MaxMessageBytes)
	total := 0
	c.Count(func(n int) bool { total += n; return true })
	var m Message
	require.NoError(t, c.Read(&m))
	require.GreaterOrEqual(t, total, 3<<20)
	require.NoError(t, c.Read(&m))
	require.Less(t, total, 1<<20, "the memory of a large message is freed")
	c, _ = peer(big)
	c.Allow(MaxMessageBytes)
	c.Count(func(n int) bool { return n < 100<<10 })
	require.ErrorIs(t, c.Read(&m), errMemory)
}

// Neither an aborted message nor the end of a publication leaves memory behind.
func TestDiscardedMessagesFreeTheirMemory(t *testing.T) {
	in := join(control(typeChunkSize, 0, 0, 0xff, 0), header(0, 40, 0, 1000, TypeVideo), make([]byte, 1000)) // its buffer is kept
	for id := byte(3); id < 32; id++ {
		in = join(in, header(0, id, 0, 0xff01, TypeVideo), make([]byte, 0xff00), control(typeAbort, 0, 0, 0, id))
	}
	in = join(in, header(0, 41, 0, 1, TypeAudio), []byte("a"))
	c, _ := peer(in)
	var m Message
	require.NoError(t, c.Read(&m))
	require.NoError(t, c.Read(&m))
	require.EqualValues(t, TypeAudio, m.Type)
	require.Zero(t, c.in.heldBytes)
	require.Less(t, c.in.bytes, 8<<10)

	c, _ = peer(join(control(typeChunkSize, 0, 0, 0xff, 0), header(0, 4, 0, 9<<20, TypeVideo), make([]byte, 0xff00),
		header(0, 3, 0, 1, TypeAudio), []byte("a"), header(0, 3, 0, 2, TypeAudio), []byte("bc")))
	c.Allow(MaxMessageBytes)
	total := 0
	c.Count(func(n int) bool { total += n; return true })
	require.NoError(t, c.Read(&m))
	require.GreaterOrEqual(t, total, 0xff00)
	c.Count(nil)
	require.Zero(t, total)
	require.Zero(t, c.in.bytes+c.in.heldBytes+c.in.keptBytes)
	require.NoError(t, c.Read(&m))
	require.Equal(t, "bc", string(m.Body))
}

func TestReadingAllocatesNothing(t *testing.T) {
	one := join(header(0, 4, 0, 400, TypeVideo), make([]byte, 128), []byte{0xc4}, make([]byte, 128), []byte{0xc4}, make([]byte, 128), []byte{0xc4}, make([]byte, 16))
	in := bytes.NewReader(bytes.Repeat(one, 3000))
	c := NewConn(struct {
		io.Reader
		io.Writer
	}{in, io.Discard})
	var m Message
	require.NoError(t, c.Read(&m))
	require.NoError(t, c.Read(&m))
	require.Zero(t, testing.AllocsPerRun(1000, func() {
		if c.Read(&m) != nil {
			panic("short")
		}
	}))
}

func TestCommands(t *testing.T) {
	c, out := peer(nil)
	require.NoError(t, c.Send(7, "publish", 3, nil, "key", Object{{Key: "a", Value: "b"}}))
	sent, _ := peer(out.Bytes())
	var m Message
	require.NoError(t, sent.Read(&m))
	require.EqualValues(t, 7, m.Stream)
	k, is, err := m.Command()
	require.True(t, is)
	require.NoError(t, err)
	require.Equal(t, "publish", k.Name)
	require.Equal(t, 3., k.Number)
	require.Equal(t, "key", k.Text(1))
	require.Equal(t, "b", k.Properties(2).Text("a"))
	require.Empty(t, k.Text(2)+k.Text(9)+k.Properties(9).Text("a")+k.Properties(1).Text("a"))

	m.Type, m.Body = TypeCommandAMF3, append([]byte{0}, m.Body...)
	k, is, err = m.Command()
	require.True(t, is)
	require.NoError(t, err)
	require.Equal(t, "publish", k.Name)
	for _, body := range []string{"", "\x02\x00\x01a", "\x05\x05\x05", "\x02\xff"} {
		m = Message{Type: TypeCommand, Body: []byte(body)}
		_, is, err = m.Command()
		require.True(t, is)
		require.ErrorIs(t, err, ErrCommand)
	}
	// Values within values take much memory: a large message of them is not read.
	const call = "\x02\x00\x01a\x00\x00\x00\x00\x00\x00\x00\x00\x00"
	m = Message{Type: TypeCommand, Body: []byte(call + strings.Repeat("\x05", maxCommandBytes-len(call)))}
	_, _, err = m.Command()
	require.NoError(t, err)
	m.Body = append(m.Body, 5)
	_, _, err = m.Command()
	require.ErrorIs(t, err, ErrCommand)
	require.LessOrEqual(t, maxCommandBytes, 8<<10, "a level takes 256 bytes of stack or more")
}

func TestAHandshakeOfRTMPEIsRefused(t *testing.T) {
	c, out := peer([]byte{6}) // nothing is read or computed for it
	require.ErrorIs(t, c.Accept(), ErrEncrypted)
	require.Zero(t, out.Len())
	c, _ = peer([]byte("GET / HTTP/1.1\r\n\r\n"))
	require.ErrorContains(t, c.Accept(), "handshake")
}

// A client takes the three steps of authmod=adobe, and none twice.
func TestLogin(t *testing.T) {
	says := func(description string) error { return &Refusal{Description: description} }
	l := Login{User: "u", Password: "p"}
	require.Empty(t, l.Query())
	require.False(t, l.Again(errors.New("EOF")))
	require.False(t, l.Again(says("no such stream")))
	require.True(t, l.Again(says("[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ] : ")))
	require.Equal(t, "?authmod=adobe&user=u", l.Query())
	require.True(t, l.Again(says("[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=needauth&user=u&salt=s&challenge=c&opaque=o")))
	require.Contains(t, l.Query(), "&response=")
	require.Contains(t, l.Query(), "&opaque=o")
	require.False(t, l.Again(says("[ authmod=adobe ] : ?reason=authfailed")))
	nameless := Login{}
	require.False(t, nameless.Again(says("code=403 need auth; authmod=adobe")))
}

// FuzzChunks reads any bytes as a connection: the memory does not exceed what has come.
func FuzzChunks(f *testing.F) {
	f.Add(join(header(0, 3, 0, 300, 9), make([]byte, 128), []byte{0xc3}, make([]byte, 128), []byte{0xc3}, make([]byte, 44)))
	f.Add(join(control(typeChunkSize, 0, 0, 1, 0), header(0, 3, 0xffffff, 200, TypeVideo), []byte{1, 2, 3, 4}, make([]byte, 200)))
	f.Add(join(control(typeAbort, 0, 0, 0, 3), control(typeUserControl, 0, 6, 1, 2, 3, 4), []byte{0x00, 9, 0, 0, 0}))
	f.Fuzz(func(t *testing.T, in []byte) {
		c, _ := peer(in)
		c.Allow(1 << 16)
		total := 0
		c.Count(func(n int) bool { total += n; return true })
		var m Message
		for c.Read(&m) == nil {
			if len(m.Body) > len(in) || total > 8*len(in)+(1<<20) {
				t.Fatal(len(m.Body), total)
			}
			_, _, _ = m.Command()
			_ = m.Metadata()
		}
	})
}

// FuzzCommand reads any message as a command and as metadata.
func FuzzCommand(f *testing.F) {
	_, out := peer(nil)
	c := NewConn(struct {
		io.Reader
		io.Writer
	}{bytes.NewReader(nil), out})
	if err := c.Send(0, "connect", 1, Object{{Key: "app", Value: "live"}}, Strings("a")); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes()[12:])
	f.Add([]byte("\x02\x00\x0aonMetaData\x08\x00\x00\x00\x01\x00\x01a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x09"))
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, kind := range []uint8{TypeCommand, TypeCommandAMF3, TypeData, TypeDataAMF3} {
			m := Message{Type: kind, Body: body}
			k, _, _ := m.Command()
			_, _ = k.Text(0), k.Properties(1).Text("code")
			_ = k.Ended()
			_ = m.Metadata().Get("audiocodecid")
		}
	})
}
