package rtp

import (
	"testing"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest/feedtest"
)

// bench is a feed with RTP tracks.
type bench struct{ *feedtest.Bench[*Track] }

func newBench(t testing.TB) *bench { return newBenchFor(t, nil) }

func newBenchFor(t testing.TB, pub ingest.Publisher) *bench {
	return &bench{feedtest.New(t, pub, func(f *ingest.Feed, c ingest.TrackConfig) (*Track, error) { return Add(f, Config{Track: c}) })}
}

// rawAudio treats a packet's payload as one frame.
type rawAudio struct{ frames }

func (rawAudio) unpack(p *rtp.Packet, _ func([]byte) error) ([][]byte, error) {
	if p.Payload[0] == 0 {
		return nil, errShort
	}
	return [][]byte{p.Payload}, nil
}

func (b *bench) audio() *Track {
	t, err := Add(b.Feed, Config{Track: feedtest.AAC(), Audio: rawAudio{frames{1024, 48000}}})
	require.NoError(b.T, err)
	return t
}
