package rtp

import (
	"log/slog"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// BenchmarkParallelPublishers reports the cost of an access unit of one packet while many publishers are read at
// once.
func BenchmarkParallelPublishers(b *testing.B) {
	b.Run("units", func(b *testing.B) {
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			f := ingest.NewFeed(ingesttest.Discard{}, slog.New(slog.DiscardHandler))
			for pb.Next() {
				f.Put(f.Take())
			}
		})
	})
	b.Run("packets", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(16)
		b.RunParallel(func(pb *testing.PB) {
			f := ingest.NewFeed(ingesttest.Discard{}, slog.New(slog.DiscardHandler))
			t, err := Add(f, Config{Track: ingest.TrackConfig{Codec: codec.H264, Timescale: 90000, ParameterSets: [][]byte{ingesttest.Baseline, ingesttest.PPSX264}}})
			if err != nil {
				panic(err)
			}
			now := time.Now()
			p := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 1, Marker: true}, Payload: make([]byte, 300)}
			for pb.Next() {
				p.Payload[0], p.Payload[1] = 0x41, 0x9a
				if p.SequenceNumber++; p.SequenceNumber%50 == 1 {
					p.Payload[0], p.Payload[1] = 0x65, 0x88
				}
				p.Timestamp += 3600
				now = now.Add(40 * time.Millisecond)
				if err := t.Packet(p, now); err != nil {
					panic(err)
				}
			}
		})
	})
}
