// Package feedtest is a test bench for feeds and their RTP tracks. It imports no RTP package, so that the tests
// within that package may use it too.
package feedtest

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// Track takes packets.
type Track interface {
	Packet(p *rtp.Packet, at time.Time) error
}

// Bench has a feed with tracks of a type, the feed's publisher, a recorded log, and a clock that the test sets.
type Bench[K Track] struct {
	T         testing.TB
	Publisher *ingesttest.Publisher
	Feed      *ingest.Feed
	Log       bytes.Buffer
	Now       time.Time
	Seq       map[Track]uint16 // number of the newest packet

	add func(*ingest.Feed, ingest.TrackConfig) (K, error)
}

// New returns a bench whose clock shows the time of day. A non-nil pub replaces Publisher; add adds a track to a
// feed.
func New[K Track](t testing.TB, pub ingest.Publisher, add func(*ingest.Feed, ingest.TrackConfig) (K, error)) *Bench[K] {
	b := &Bench[K]{T: t, Publisher: &ingesttest.Publisher{}, Now: time.Now(), Seq: map[Track]uint16{}, add: add}
	if pub == nil {
		pub = b.Publisher
	}
	b.Feed = ingest.NewFeed(pub, slog.New(slog.NewTextHandler(&b.Log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	return b
}

// Video adds a track of video with its parameter sets.
func (b *Bench[K]) Video(coding media.Codec, sets ...[]byte) K {
	b.T.Helper()
	t, err := b.add(b.Feed, ingest.TrackConfig{Codec: coding, Timescale: 90000, ParameterSets: sets})
	require.NoError(b.T, err)
	return t
}

// Of adds a track of video with the parameter sets of an encoder.
func (b *Bench[K]) Of(coding media.Codec) K { return b.Video(coding, ingesttest.SetsOf(coding)...) }

// AAC describes a track of sound, 48 kHz.
func AAC() ingest.TrackConfig {
	return ingest.TrackConfig{Codec: codec.AAC, Timescale: 48000, ParameterSets: [][]byte{ingesttest.AACLC48}}
}

// Send passes a packet whose sequence number follows the last.
func (b *Bench[K]) Send(t Track, at uint32, marker bool, payload ...byte) {
	b.T.Helper()
	b.Seq[t]++
	p := &rtp.Packet{Header: rtp.Header{SequenceNumber: b.Seq[t], Timestamp: at, Marker: marker}, Payload: payload}
	require.NoError(b.T, t.Packet(p, b.Now))
}

// SendPictures sends pictures of one packet each, 40 ms apart, starting at a number and an RTP time; the pictures for
// which leave returns true are lost on the way.
func (b *Bench[K]) SendPictures(track Track, seq uint16, ticks uint32, n int, leave func(i int) bool) {
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
