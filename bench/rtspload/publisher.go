package rtspload

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/pion/rtp"
)

// writeQueue holds the packets of the largest key frame (5 MB), so that the client never refuses a key frame.
const writeQueue = 4096

// counters are shared by all publishers.
type counters struct {
	publishers, units, packets, bytes, late, full atomic.Int64
}

type publisher struct {
	url     string
	packets *packets
	fast    bool
	count   *counters
}

// run publishes until the context ends or the server closes.
func (p *publisher) run(ctx context.Context, ready func()) error {
	tcp := gortsplib.ProtocolTCP
	client := &gortsplib.Client{Protocol: &tcp, WriteQueueSize: writeQueue}
	media := &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{p.packets.format}}
	if err := client.StartRecording(p.url, &description.Session{Medias: []*description.Media{media}}); err != nil {
		return fmt.Errorf("publish %s: %w", p.url, err)
	}
	defer client.Close()
	p.count.publishers.Add(1)
	defer p.count.publishers.Add(-1)
	ready()
	if err := p.send(ctx, client, media); err != nil {
		return fmt.Errorf("publish %s: %w", p.url, err)
	}
	return nil
}

// send sends access units, each at its time.
func (p *publisher) send(ctx context.Context, client *gortsplib.Client, media *description.Media) error {
	frame := time.Second / time.Duration(p.packets.fps)
	timer := time.NewTimer(0)
	defer timer.Stop()
	began := time.Now()
	pkt := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: payloadType}}
	for n := int64(0); ; n++ {
		if wait := time.Until(began.Add(time.Duration(n) * time.Second / time.Duration(p.packets.fps))); !p.fast {
			if wait < -frame {
				p.count.late.Add(1)
			}
			timer.Reset(wait)
			select {
			case <-timer.C:
			case <-ctx.Done():
			}
		}
		if ctx.Err() != nil {
			return nil
		}
		if err := p.unit(ctx, client, media, pkt, n); err != nil {
			return err
		}
	}
}

// unit sends the n-th access unit.
func (p *publisher) unit(ctx context.Context, client *gortsplib.Client, media *description.Media, pkt *rtp.Packet, n int64) error {
	unit := p.packets.units[n%int64(len(p.packets.units))]
	pkt.Timestamp = uint32(p.packets.ticks(n))
	bytes := 0
	for i, payload := range unit {
		pkt.Payload, pkt.Marker = payload, i == len(unit)-1
		if err := p.write(ctx, client, media, pkt); err != nil {
			return err
		}
		pkt.SequenceNumber++
		bytes += len(payload)
	}
	p.count.units.Add(1)
	p.count.packets.Add(int64(len(unit)))
	p.count.bytes.Add(int64(bytes))
	return nil
}

// write hands a packet to the client's queue and waits while it is full: a missing packet would make a stream that no
// camera sends.
func (p *publisher) write(ctx context.Context, client *gortsplib.Client, media *description.Media, pkt *rtp.Packet) error {
	for {
		err := client.WritePacketRTP(media, pkt)
		if !errors.As(err, new(liberrors.ErrClientWriteQueueFull)) {
			return err
		}
		p.count.full.Add(1)
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return nil
		}
	}
}
