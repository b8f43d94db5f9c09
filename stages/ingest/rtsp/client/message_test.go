package client

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"
)

// FuzzMessages reads any bytes to their end: the reader neither hangs nor holds more than the bounds.
func FuzzMessages(f *testing.F) {
	f.Add([]byte("RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 3\r\n\r\nabc$\x00\x00\x0c" + rtpPacket(0, 1)))
	f.Add([]byte("OPTIONS * RTSP/1.0\nX:\n y\n\n$\x01\x00\x00\x00junk$\x00\x00\x0e" + rtpPacket(0, 1)))
	f.Fuzz(func(t *testing.T, b []byte) {
		malformed := 0
		r := newReader(bytes.NewReader(b), func(n int) bool { return n < 2 }, func() { malformed++ })
		for n := 0; ; n++ {
			var m message
			if err := r.next(&m); err != nil {
				break
			}
			require.LessOrEqual(t, n, len(b)/4)
			require.LessOrEqual(t, len(m.body), maxBodyBytes)
			for _, values := range m.header {
				for _, v := range values {
					require.NotContains(t, v, "\n")
					require.NotContains(t, v, "\r")
				}
			}
		}
		require.LessOrEqual(t, malformed, len(b))
		require.LessOrEqual(t, cap(r.buf), 64<<10)
	})
}

// FuzzAnswer parses the headers of an answer.
func FuzzAnswer(f *testing.F) {
	f.Add("1234 ; timeout=60", "RTP/AVP/TCP;interleaved=0-1;source=1.2.3.4", "url=rtsp://h/a;seq=1;rtptime=2,url=b", "rtsp://h/a", "track1")
	f.Fuzz(func(t *testing.T, session, transport, info, base, control string) {
		c := &Client{tracks: []*track{{url: "rtsp://h/a"}}}
		h := header{"session": {session}, "rtp-info": {info}, "content-base": {base}}
		c.tookSession(&message{header: h})
		require.GreaterOrEqual(t, c.timeout, time.Duration(0))
		if said := readTransport([]string{transport}); said.interleaved {
			require.True(t, said.channels[0] <= 255 && said.channels[1] <= 255 && said.channels[0] >= 0 && said.channels[1] >= 0)
		}
		c.tookInfo(&message{header: h})
		for _, u := range controlURLs("rtsp://cam/x", baseURL("rtsp://cam/x", h, nil), control) {
			require.False(t, strings.ContainsAny(u, " \r\n"), "%q", u)
		}
	})
}

// BenchmarkFrames reads frames as a camera sends them, and passes them on.
func BenchmarkFrames(b *testing.B) {
	packet := rtpPacket(0, 1) + strings.Repeat("x", 1400)
	stream := []byte(strings.Repeat(interleaved(0, packet), 64))
	b.SetBytes(int64(len(packet)))
	b.ReportAllocs()
	readFrames(b.Loop, stream)
}

func readFrames(more func() bool, stream []byte) {
	c := &Client{}
	t := &track{client: c}
	t.formats[96] = func(*rtp.Packet) {}
	c.playing, c.tracks, c.channels[0].tracks = true, []*track{t}, []*track{t}
	endless := &loop{b: stream}
	c.in = newReader(endless, c.known, func() {})
	for more() {
		if err := c.in.next(&c.msg); err != nil {
			panic(err)
		}
		if _, err := c.handle(&c.msg); err != nil {
			panic(err)
		}
	}
}

type loop struct {
	b  []byte
	at int
}

func (l *loop) Read(p []byte) (int, error) {
	if l.at == len(l.b) {
		l.at = 0
	}
	n := copy(p, l.b[l.at:])
	l.at += n
	return n, nil
}

// TestAPacketCostsNoAllocation covers the client, without a recording behind it.
func TestAPacketCostsNoAllocation(t *testing.T) {
	n := 0
	stream := []byte(strings.Repeat(interleaved(0, rtpPacket(0, 1)+strings.Repeat("x", 1400)), 8))
	per := testing.AllocsPerRun(2, func() {
		n = 0
		readFrames(func() bool { n++; return n <= 2000 }, stream)
	})
	require.Less(t, per, 100.0, "2000 packets, and a client")
}
