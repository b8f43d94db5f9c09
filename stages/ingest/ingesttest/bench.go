package ingesttest

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"
)

// Track takes packets.
type Track interface {
	Packet(p *rtp.Packet, at time.Time) error
}

// Bench has a publisher, a log that is kept, and a clock that the test turns.
type Bench struct {
	T         testing.TB
	Publisher *Publisher
	Log       bytes.Buffer
	Now       time.Time
	Seq       map[Track]uint16 // number of the newest packet
}

// NewBench returns a bench whose clock shows the time of day.
func NewBench(t testing.TB) *Bench {
	return &Bench{T: t, Publisher: &Publisher{}, Now: time.Now(), Seq: map[Track]uint16{}}
}

// Logger returns a logger that writes into Log.
func (b *Bench) Logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(&b.Log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// Send passes a packet whose sequence number follows the last.
func (b *Bench) Send(t Track, at uint32, marker bool, payload ...byte) {
	b.T.Helper()
	b.Seq[t]++
	p := &rtp.Packet{Header: rtp.Header{SequenceNumber: b.Seq[t], Timestamp: at, Marker: marker}, Payload: payload}
	require.NoError(b.T, t.Packet(p, b.Now))
}

// SendPictures sends pictures of one packet each, 40 ms apart, from a number and an RTP
// time on; those for which leave is true are lost on the way.
func (b *Bench) SendPictures(track Track, seq uint16, ticks uint32, n int, leave func(i int) bool) {
	b.T.Helper()
	for i := range n {
		b.Now = b.Now.Add(40 * time.Millisecond)
		nal := []byte{0x41, 0x9a, byte(i), 1}
		if i%25 == 0 {
			nal = []byte{0x65, 0x88, byte(i), 1}
		}
		p := &rtp.Packet{Header: rtp.Header{SequenceNumber: seq + uint16(i), Timestamp: ticks + uint32(i)*3600, Marker: true}, Payload: nal}
		if leave == nil || !leave(i) {
			require.NoError(b.T, track.Packet(p, b.Now))
		}
	}
}

// H.264 slices: an IDR picture, the first slice of it or a later one, and a P picture.
var (
	IDR      = []byte{0x65, 0x88, 1}
	IDRLater = []byte{0x65, 0x08, 1}
	PSlice   = []byte{0x41, 0x9a, 2}
)
