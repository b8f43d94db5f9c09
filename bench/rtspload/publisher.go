package rtspload

import (
	"context"
	"errors"
	"fmt"
	"net"
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

// drainWithin is the longest time for which a publisher waits, at its end, until its queue is written.
const drainWithin = 30 * time.Second

// publisher sends the clip of a load to one URL.
type publisher struct {
	url       string
	packets   *packets
	withSound bool
	fast      bool            // send as fast as possible
	begin     <-chan struct{} // closed at the time of the first picture, or before
	count     *counters
	sent      *Sent

	client *gortsplib.Client
	conn   *countedConn
	video  *description.Media
	sound  *sound // nil: none
	queued int64  // packets added to the queue
}

// run publishes until the context ends, and then returns nil, or until an error of the connection. It calls ready
// when the server has accepted the publisher.
func (p *publisher) run(ctx context.Context, ready func()) error {
	tcp := gortsplib.ProtocolTCP
	p.client = &gortsplib.Client{Protocol: &tcp, WriteQueueSize: writeQueue, DialContext: p.dial}
	p.video = &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{p.packets.format}}
	medias := []*description.Media{p.video}
	if p.withSound {
		var err error
		if p.sound, err = newSound(); err != nil {
			return err
		}
		medias = append(medias, p.sound.media)
	}
	if err := p.client.StartRecording(p.url, &description.Session{Medias: medias}); err != nil {
		return fmt.Errorf("publish %s: %w", p.url, err)
	}
	defer p.client.Close()
	p.count.publishers.Add(1)
	defer p.count.publishers.Add(-1)
	ready()
	if err := p.send(ctx); err != nil {
		return fmt.Errorf("publish %s: %w", p.url, err)
	}
	p.conn.written(p.queued, drainWithin)
	return nil
}

// dial opens the connection of the publisher and counts the packets written to it.
func (p *publisher) dial(ctx context.Context, network, address string) (net.Conn, error) {
	c, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	p.conn = &countedConn{Conn: c}
	return p.conn, nil
}

// send sends access units until the context ends: each picture at its time, or as fast as possible, and with it the
// sound of its duration.
func (p *publisher) send(ctx context.Context) error {
	select {
	case <-p.begin:
	case <-ctx.Done():
	}
	frame := time.Second / time.Duration(p.packets.fps)
	timer := time.NewTimer(0)
	defer timer.Stop()
	began := time.Now()
	video := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: payloadType}}
	sound := &rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: soundPayloadType, Marker: true}}
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
		if err := p.picture(ctx, video, n); err != nil {
			return err
		}
		if p.sound != nil {
			if err := p.frames(ctx, sound, n); err != nil {
				return err
			}
		}
	}
}

// picture sends the packets of the n-th picture since the publisher began, from 0. It reuses the memory of pkt for
// each packet. A picture that the end of ctx cuts off does not count as sent.
func (p *publisher) picture(ctx context.Context, pkt *rtp.Packet, n int64) error {
	unit := p.packets.units[n%int64(len(p.packets.units))]
	pkt.Timestamp = uint32(p.packets.ticks(n))
	for i, payload := range unit {
		pkt.Payload, pkt.Marker = payload, i == len(unit)-1
		if ok, err := p.write(ctx, p.video, pkt); !ok {
			return err
		}
	}
	p.count.units.Add(1)
	p.sent.Pictures++
	return nil
}

// frames sends the frames of sound that belong to the n-th picture. It reuses the memory of pkt for each packet.
func (p *publisher) frames(ctx context.Context, pkt *rtp.Packet, n int64) error {
	frames, first := p.sound.until(n, p.packets.fps)
	if len(frames) == 0 {
		return nil
	}
	packets, err := p.sound.encoder.Encode(frames)
	if err != nil {
		return err
	}
	for _, made := range packets {
		pkt.Payload, pkt.Timestamp = made.Payload, uint32(first)+made.Timestamp
		if ok, err := p.write(ctx, p.sound.media, pkt); !ok {
			return err
		}
	}
	p.count.units.Add(int64(len(frames)))
	p.sent.Frames += int64(len(frames))
	return nil
}

// write adds pkt to the client's queue, and waits while the queue is full. Then it sets the next sequence number in pkt.
// It drops no packet, because a stream with losses would cost the server a different amount of work. ok is false with
// an error, and if ctx ends while it waits: pkt is then not in the queue.
func (p *publisher) write(ctx context.Context, media *description.Media, pkt *rtp.Packet) (ok bool, err error) {
	for {
		err := p.client.WritePacketRTP(media, pkt)
		if err == nil {
			break
		}
		if !errors.As(err, new(liberrors.ErrClientWriteQueueFull)) {
			return false, err
		}
		p.count.full.Add(1)
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return false, nil
		}
	}
	p.queued++
	pkt.SequenceNumber++
	p.count.packets.Add(1)
	p.count.bytes.Add(int64(len(pkt.Payload)))
	return true, nil
}
