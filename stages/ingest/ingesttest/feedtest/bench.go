// Package feedtest is a test bench for feeds and their RTP tracks. It imports no package of RTP tracks, so that the
// tests inside that package may use it, too.
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

// Track is a track of a Bench: it takes RTP packets, each with its arrival, as rtp.Track does.
type Track interface {
	Packet(p *rtp.Packet, at time.Time) error
}

// Bench has a feed with tracks of type K, the feed's publisher, the feed's log as text, and a clock that the test sets.
type Bench[K Track] struct {
	T         testing.TB
	Publisher *ingesttest.Publisher
	Feed      *ingest.Feed
	Log       bytes.Buffer
	Now       time.Time        // arrival of the next packet
	Seq       map[Track]uint16 // sequence number of the newest packet that Send passed to a track

	add func(*ingest.Feed, ingest.TrackConfig) (K, error)
}

// New returns a bench whose clock shows the time of day. The feed writes to pub, or to Bench.Publisher if pub is
// nil. The bench calls add to add a track to the feed.
func New[K Track](t testing.TB, pub ingest.Publisher, add func(*ingest.Feed, ingest.TrackConfig) (K, error)) *Bench[K] {
	b := &Bench[K]{T: t, Publisher: &ingesttest.Publisher{}, Now: time.Now(), Seq: map[Track]uint16{}, add: add}
	if pub == nil {
		pub = b.Publisher
	}
	b.Feed = ingest.NewFeed(pub, slog.New(slog.NewTextHandler(&b.Log, &slog.HandlerOptions{Level: slog.LevelDebug})))
	return b
}

// Video adds a video track with the given parameter sets and returns it.
func (b *Bench[K]) Video(coding media.Codec, sets ...[]byte) K {
	b.T.Helper()
	t, err := b.add(b.Feed, ingest.TrackConfig{Codec: coding, Timescale: 90000, ParameterSets: sets})
	require.NoError(b.T, err)
	return t
}

// Of adds a video track with the parameter sets of ingesttest.SetsOf and returns it.
func (b *Bench[K]) Of(coding media.Codec) K { return b.Video(coding, ingesttest.SetsOf(coding)...) }

// AAC returns the configuration of an AAC track of 48 kHz.
func AAC() ingest.TrackConfig {
	return ingest.TrackConfig{Codec: codec.AAC, Timescale: 48000, ParameterSets: [][]byte{ingesttest.AACLC48}}
}

// Send passes a packet with the RTP time at to the track. Its sequence number follows that of the packet that Send
// passed to the track before.
func (b *Bench[K]) Send(t Track, at uint32, marker bool, payload ...byte) {
	b.T.Helper()
	b.Seq[t]++
	p := &rtp.Packet{Header: rtp.Header{SequenceNumber: b.Seq[t], Timestamp: at, Marker: marker}, Payload: payload}
	require.NoError(b.T, t.Packet(p, b.Now))
}

// SendPictures sends n pictures of one packet each, 40 ms apart, from sequence number seq and RTP time ticks on. Every
// 25th one, from the first on, is a key picture. It leaves out the pictures for which leave returns true.
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
