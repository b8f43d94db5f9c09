package rtp

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/pion/rtp"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// BenchmarkPackets receives a second of a camera: 25 pictures, a key frame of 60 packets and others of six. It
// reports the cost per packet.
func BenchmarkPackets(b *testing.B) {
	for _, coding := range []media.Codec{codec.H264, codec.H265} {
		b.Run(fmt.Sprint(coding), func(b *testing.B) {
			f := ingest.NewFeed(ingesttest.Discard{}, slog.New(slog.DiscardHandler))
			sets, key, other, fu := [][]byte{ingesttest.Baseline, ingesttest.PPSX264}, []byte{0x88}, []byte{0x9a}, []byte{0x7c}
			if coding == codec.H265 {
				sets, key, other, fu = [][]byte{ingesttest.VPSX265, ingesttest.HEVC25, ingesttest.PPSX265}, []byte{0x81}, []byte{0x81}, []byte{49 << 1, 1}
			}
			t, err := Add(f, Config{Track: ingest.TrackConfig{Codec: coding, Timescale: 90000, ParameterSets: sets}})
			if err != nil {
				b.Fatal(err)
			}
			now := time.Now()
			p := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: 96, SSRC: 1}}
			picture := func(isKey bool, packets int) {
				now = now.Add(40 * time.Millisecond)
				kind, first := byte(1), other
				if isKey {
					kind, first = 5, key
					if coding == codec.H265 {
						kind = 19
					}
				}
				for k := range packets {
					head := kind
					if k == 0 {
						head |= 0x80
					}
					if p.Marker = k == packets-1; p.Marker {
						head |= 0x40
					}
					p.Payload = append(append(append(p.Payload[:0], fu...), head), first...)
					p.Payload = p.Payload[:len(p.Payload)+1390]
					p.SequenceNumber++
					if err := t.Packet(p, now); err != nil {
						b.Fatal(err)
					}
				}
				p.Timestamp += 3600
			}
			p.Payload = make([]byte, 0, 2000)
			second := func() {
				picture(true, 60)
				for range 24 {
					picture(false, 6)
				}
			}
			for range 5 {
				second()
			}
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				second()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*(60+24*6)), "ns/packet")
		})
	}
}
