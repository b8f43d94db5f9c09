package rtp

import (
	"testing"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// bench is a feed with RTP tracks, and a clock that the test turns.
type bench struct {
	*ingesttest.Bench
	feed *ingest.Feed
}

func newBench(t testing.TB) *bench { return newBenchFor(t, nil) }

// newBenchFor has another publisher than that of the bench, unless it is nil.
func newBenchFor(t testing.TB, pub ingest.Publisher) *bench {
	b := &bench{Bench: ingesttest.NewBench(t)}
	if pub == nil {
		pub = b.Publisher
	}
	b.feed = ingest.NewFeed(pub, b.Logger())
	return b
}

func (b *bench) video(coding media.Codec, sets ...[]byte) *Track {
	t, err := Add(b.feed, Config{Track: ingest.TrackConfig{Codec: coding, Timescale: 90000, ParameterSets: sets}})
	require.NoError(b.T, err)
	return t
}

func (b *bench) of(coding media.Codec) *Track { return b.video(coding, ingesttest.SetsOf(coding)...) }

// rawAudio takes a packet's payload as one frame.
type rawAudio struct{ frames }

func (rawAudio) unpack(p *rtp.Packet, _ func([]byte) error) ([][]byte, error) {
	if p.Payload[0] == 0 {
		return nil, errShort
	}
	return [][]byte{p.Payload}, nil
}

func (b *bench) audio() *Track {
	t, err := Add(b.feed, Config{
		Track: ingest.TrackConfig{Codec: codec.AAC, Timescale: 48000, ParameterSets: [][]byte{ingesttest.AACLC48}},
		Audio: rawAudio{frames{1024, 48000}},
	})
	require.NoError(b.T, err)
	return t
}
