package framing

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// frameOf returns an interleaved frame of n bytes of payload, which look like the begin of other messages.
func frameOf(channel byte, n int) []byte {
	payload := bytes.Repeat([]byte("$\x00\x00\x04\r\n\r\nTEARDOWN * RTSP/1.0\r\n\r\n"), n/30+1)[:n]
	return append([]byte{'$', channel, byte(n >> 8), byte(n)}, payload...)
}

func message(t *rapid.T) []byte {
	switch rapid.IntRange(0, 4).Draw(t, "kind") {
	case 0:
		body := make([]byte, rapid.IntRange(0, 100).Draw(t, "body"))
		return fmt.Appendf(nil, "SET_PARAMETER rtsp://h/x RTSP/1.0\r\nCSeq: 1\r\ncontent-length: %d\r\n\r\n%s", len(body), body)
	case 1:
		return []byte("GET_PARAMETER * RTSP/1.0\r\nCSeq: 12\r\nSession: 1\r\n\r\n")
	case 2:
		return []byte("RTSP/1.0 200 OK\r\nCSeq: 3\r\n\r\n")
	}
	return frameOf(byte(rapid.IntRange(0, 255).Draw(t, "channel")), rapid.IntRange(0, 3000).Draw(t, "bytes"))
}

// TestMessagesEndWhereTheyEnd checks any sequence of messages, received in any pieces.
func TestMessagesEndWhereTheyEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var all []byte
		ends := map[int]bool{0: true}
		for range rapid.IntRange(0, 30).Draw(t, "messages") {
			all = append(all, message(t)...)
			ends[len(all)] = true
		}
		pieces := rapid.SliceOfN(rapid.IntRange(1, 4000), 1, 10).Draw(t, "pieces")
		var r Reader
		at := 0
		for i := 0; at < len(all); i++ {
			piece := all[at:min(len(all), at+pieces[i%len(pieces)])]
			for len(piece) > 0 {
				n := r.Next(piece)
				require.Positive(t, n)
				at, piece = at+n, piece[n:]
				require.Equal(t, ends[at], r.Between(), "at %d", at)
				require.True(t, ends[at] || len(piece) == 0, "Next stops at the ends only")
			}
		}
	})
}

func TestAReaderStopsFollowingWhatItCannotDivide(t *testing.T) {
	for _, text := range []string{
		"nonsense\r\n\r\n",
		"GET / HTTP/1.1\r\n\r\n",
		"OPTIONS * RTSP/1.0\n\n",
		"OPTIONS * RTSP/1.0\r\nCSeq 1\r\n\r\n",
		"OPTIONS * RTSP/1.0\r\nA\rB: 1\r\n\r\n",
		"OPTIONS * RTSP/1.0\r\nContent-Length: x\r\n\r\n",
		"OPTIONS * RTSP/1.0\r\nContent-Length : 4\r\n\r\n",
		"OPTIONS * RTSP/1.0\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\n",
		"OPTIONS * RTSP/1.0\r\nA: " + string(bytes.Repeat([]byte("a"), maxLineBytes)) + "\r\n\r\n",
	} {
		var r Reader
		all := append([]byte(text), frameOf(0, 100)...)
		for rest := all; len(rest) > 0; {
			rest = rest[r.Next(rest):]
		}
		require.False(t, r.Between(), text)
		require.Equal(t, 50, r.Next(make([]byte, 50)))
		require.False(t, r.Between(), text)
	}
}

func TestAnEndOfLineBehindABodyIsSkipped(t *testing.T) {
	var r Reader
	require.Equal(t, 1, r.Next([]byte("\r\n$")))
	require.True(t, r.Between())
	require.Equal(t, 1, r.Next([]byte("\n$")))
	require.True(t, r.Between())
}

func TestAFrameIsReturnedOnceItIsWhole(t *testing.T) {
	whole := frameOf(7, 300)
	for n := range whole {
		channel, payload, size := Frame(whole[:n])
		require.Nil(t, payload)
		if n < FrameHeadBytes {
			require.Zero(t, size)
			continue
		}
		require.Equal(t, byte(7), channel)
		require.Equal(t, len(whole), size)
	}
	channel, payload, size := Frame(append(bytes.Clone(whole), "$rest"...))
	require.Equal(t, byte(7), channel)
	require.Equal(t, whole[FrameHeadBytes:], payload)
	require.Equal(t, len(whole), size)
	_, payload, size = Frame([]byte("OPTIONS"))
	require.Nil(t, payload)
	require.Zero(t, size)
}

// FuzzReader checks that any bytes are taken, in any pieces, with the same result.
func FuzzReader(f *testing.F) {
	f.Add([]byte("OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n$\x00\x00\x02ab"), uint8(3))
	f.Add([]byte("SET_PARAMETER * RTSP/1.0\r\nContent-Length: 3\r\n\r\nabc\r\n$\x01\x00\x00"), uint8(1))
	f.Fuzz(func(t *testing.T, b []byte, piece uint8) {
		var whole, pieces Reader
		for rest := b; len(rest) > 0; {
			n := whole.Next(rest)
			require.Positive(t, n)
			rest = rest[n:]
		}
		for rest := b; len(rest) > 0; {
			n := pieces.Next(rest[:min(len(rest), int(piece)+1)])
			require.Positive(t, n)
			rest = rest[n:]
		}
		require.Equal(t, whole.Between(), pieces.Between())
	})
}
