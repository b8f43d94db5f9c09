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

// writeQueue is the length of a publisher's queue, in packets. The packets of the largest key frame, 5 MB, fit into it.
const writeQueue = 4096

// counters holds the counts of all publishers of a load: see Stats.
type counters struct {
	publishers, units, packets, bytes, late, full atomic.Int64
}

// publisher sends the clip of a load to one URL.
type publisher struct {
	url     string
	packets *packets
	fast    bool // send as fast as possible
	count   *counters
}

// run publishes until the context ends, and then returns nil, or until an error of the connection. It calls ready
// when the server has accepted the publisher.
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

// send sends access units until the context ends: each at its time, or as fast as possible.
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

// unit sends the packets of the n-th access unit since the publisher began, from 0. It reuses the memory of pkt for
// each packet.
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

// write adds pkt to the client's queue, and waits while the queue is full. It drops no packet, because a stream with
// losses would cost the server a different amount of work. Only if ctx ends while it waits, it returns nil without
// having added the packet.
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
