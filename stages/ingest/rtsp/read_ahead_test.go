package rtsp

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// scripted is a connection whose reads return no more than a piece at a time.
type scripted struct {
	net.Conn
	data   []byte
	pieces []int
	reads  int
}

func (s *scripted) Read(p []byte) (int, error) {
	s.reads++
	if len(s.data) == 0 {
		return 0, io.EOF
	}
	n := len(p)
	if len(s.pieces) > 0 {
		n, s.pieces = min(n, s.pieces[0]), s.pieces[1:]
	}
	n = copy(p[:n], s.data)
	s.data = s.data[n:]
	return n, nil
}

// TestReadAheadGivesEveryByteInOrder checks any traffic and any reader.
func TestReadAheadGivesEveryByteInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := make([]byte, rapid.IntRange(0, 400_000).Draw(t, "bytes"))
		rnd := rand.New(rand.NewPCG(1, uint64(len(want))))
		for i := range want {
			want[i] = byte(rnd.Uint32())
		}
		s := &scripted{data: bytes.Clone(want), pieces: rapid.SliceOf(rapid.IntRange(1, 70_000)).Draw(t, "pieces")}
		c := &conn{Conn: s}
		var got []byte
		sizes := rapid.SliceOfN(rapid.IntRange(1, 70_000), 1, 20).Draw(t, "reads")
		for i := 0; ; i++ {
			p := make([]byte, sizes[i%len(sizes)])
			n, err := c.Read(p)
			got = append(got, p[:n]...)
			if err != nil {
				require.ErrorIs(t, err, io.EOF)
				break
			}
		}
		require.True(t, bytes.Equal(want, got))
		require.LessOrEqual(t, len(c.buf), maxReadAheadBytes)
	})
}

func TestReadAheadSavesCallsAndIdleConnectionsCostNothing(t *testing.T) {
	s := &scripted{data: make([]byte, 1<<20)}
	c := &conn{Conn: s}
	_, err := c.Read(make([]byte, 4)) // a request's first bytes
	require.NoError(t, err)
	require.Nil(t, c.buf)
	for p := make([]byte, 4096); ; {
		if _, err := c.Read(p); err != nil {
			break
		}
	}
	require.Less(t, s.reads, 40, "1 MiB in pieces of 4 KiB would be 256 reads")
}

func TestDeadlinesOfAConnectionHold(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer ln.Close()
	out, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	defer out.Close()
	in, err := ln.Accept()
	require.NoError(t, err)
	c := newConn(in, nil)
	defer c.Close()
	go func() { _, _ = out.Write(make([]byte, 20_000)) }()
	_, err = io.ReadFull(c, make([]byte, 20_000))
	require.NoError(t, err)
	require.NoError(t, c.SetReadDeadline(time.Now().Add(-time.Second)))
	_, err = c.Read(make([]byte, 100))
	require.ErrorIs(t, err, os.ErrDeadlineExceeded)
}
