package rtp

import (
	"bytes"
	"encoding/binary"
	"log/slog"
	"testing"
	"time"

	"github.com/pion/rtp"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
)

// hostilePackets are malicious payloads of about n bytes.
var hostilePackets = map[string]func(n int) []byte{
	"STAP-A of one byte each":  func(n int) []byte { return append([]byte{0x78}, bytes.Repeat([]byte{0, 1, 9}, n/3)...) },
	"STAP-A of slices":         func(n int) []byte { return append([]byte{0x78}, bytes.Repeat([]byte{0, 3, 0x65, 0x88, 1}, n/5)...) },
	"STAP-A of parameter sets": func(n int) []byte { return append([]byte{0x78}, bytes.Repeat([]byte{0, 3, 0x68, 0xeb, 1}, n/5)...) },
	"STAP-A of empty ones":     func(n int) []byte { return append([]byte{0x78}, make([]byte, n)...) },
	"STAP-B":                   func(n int) []byte { return append([]byte{0x79, 0, 0}, bytes.Repeat([]byte{0, 1, 9}, n/3)...) },
	"MTAP, in order":           func(n int) []byte { return mtapOf(n, func(i int) byte { return byte(i * 255 / n) }) },
	"MTAP, backwards":          func(n int) []byte { return mtapOf(n, func(i int) byte { return byte(255 - i*255/n) }) },
	"start codes":              func(n int) []byte { return append([]byte{0x67}, bytes.Repeat([]byte{0, 0, 1, 0x67}, n/4)...) },
	"SEI":                      func(n int) []byte { return append([]byte{6}, bytes.Repeat([]byte{255}, n)...) },
	"fragments":                func(n int) []byte { return append([]byte{0x7c, 0xc5}, make([]byte, n)...) },
	"AP of H.265":              func(n int) []byte { return append([]byte{48 << 1, 1}, bytes.Repeat([]byte{0, 3, 2, 1, 0x80}, n/5)...) },
	"AP with numbers": func(n int) []byte {
		return append([]byte{48 << 1, 1, 0, 0}, bytes.Repeat([]byte{0, 3, 2, 1, 0x80, 0}, n/6)...)
	},
}

func mtapOf(n int, don func(i int) byte) []byte {
	p := []byte{0x60 | mtap16, 0, 0}
	for i := range n / 7 {
		p = append(binary.BigEndian.AppendUint16(p, 2), don(7*i), 0, 0, 0x65, 0x88)
	}
	return p
}

// drainUnits takes the idle units, so that later units are allocated.
func drainUnits() {
	for range 64 { // each feed takes from a part of them
		f := ingest.NewFeed(ingesttest.Discard{}, slog.New(slog.DiscardHandler))
		for fresh := (&ingest.Unit{}).HeldBytes(); f.Take().HeldBytes() > fresh; {
		}
		f.Close()
	}
}

// The cost of packets is proportional to their bytes, whether their NAL units are many, small or out of order.
func TestTheCostOfPacketsIsProportional(t *testing.T) {
	for name, payload := range hostilePackets {
		for _, coding := range []media.Codec{codec.H264, codec.H265} {
			for _, ordered := range []bool{false, true} {
				pipelinetest.Proportional(t, 12<<10, 256<<10, func(n int) int64 {
					drainUnits()
					b := newBenchFor(t, ingesttest.Discard{})
					sps, pps := ingesttest.CodedSets(false)
					sets := [][]byte{sps, pps}
					if coding == codec.H265 {
						sets = [][]byte{ingesttest.VPSX265, ingesttest.HEVC25, ingesttest.PPSX265}
					}
					v, err := Add(b.Feed, Config{
						Track:         ingest.TrackConfig{Codec: coding, Timescale: 90000, ParameterSets: sets},
						DecodingOrder: ordered, OrderDepth: maxOrderDepth,
					})
					require.NoError(t, err)
					p := &rtp.Packet{Payload: payload(n)}
					cost := pipelinetest.Allocated(func() {
						for i := range uint16(3) {
							p.SequenceNumber, p.Timestamp, p.Marker = i, uint32(i)*3600, true
							_ = v.Packet(p, b.Now.Add(time.Duration(i)*40*time.Millisecond))
							if o := v.order; o != nil { // each arriving unit moves the held ones
								require.LessOrEqual(t, cap(o.held), 3*maxOrderDepth, name)
							}
						}
						v.Close()
						b.Feed.Close()
					})
					require.Zero(t, b.Feed.HeldBytes(), name)
					require.LessOrEqual(t, cost, int64(256<<10+3*400*(n+16)), name)
					return cost
				})
			}
		}
	}
}
