package publishload

import (
	"fmt"

	"github.com/bluenviron/gortsplib/v5/pkg/format"

	"github.com/gospool/spool/bench/clip"
	"github.com/gospool/spool/bench/movie"
)

// packets holds the RTP payloads of a clip.
type packets struct {
	format *format.H264
	fps    int64
	units  [][][]byte // payloads of each packet of each access unit
}

// packetize makes the RTP payloads of a clip.
func packetize(c *clip.Clip) (*packets, error) {
	p := &packets{
		format: &format.H264{PayloadTyp: videoPayloadType, PacketizationMode: 1, SPS: c.SPS, PPS: c.PPS},
		fps:    int64(c.FPS),
	}
	enc, err := p.format.CreateEncoder()
	if err != nil {
		return nil, err
	}
	for i := range c.Units {
		pkts, err := enc.Encode(c.Units[i].NALs)
		if err != nil {
			return nil, fmt.Errorf("access unit %d: %w", i, err)
		}
		unit := make([][]byte, len(pkts))
		for k, pkt := range pkts {
			unit[k] = pkt.Payload
		}
		p.units = append(p.units, unit)
	}
	return p, nil
}

// ticks returns the RTP time of the n-th access unit that a publisher sends, from 0.
func (p *packets) ticks(n int64) int64 { return n * movie.VideoScale / p.fps }
