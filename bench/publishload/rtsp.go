package publishload

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/bluenviron/gortsplib/v5/pkg/format/rtpmpeg4audio"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"
	"github.com/pion/rtp"
)

const (
	videoPayloadType = 96
	soundPayloadType = 97
)

// writeQueue is the length of a publisher's queue, in packets. The packets of the largest key frame, 5 MB, fit into it.
const writeQueue = 4096

// rtspConn publishes by RTSP over TCP.
type rtspConn struct {
	packets *packets
	count   *counters

	client       *gortsplib.Client
	conn         *countedConn
	medias       [2]*description.Media // of pictures, and of sound; nil: none
	encoder      *rtpmpeg4audio.Encoder
	video, audio rtp.Packet // next packet of each media
	queued       int64      // packets added to the queue
}

// rtspDialer makes the packets of a clip.
func rtspDialer(l *Load) (dial, error) {
	pkts, err := packetize(l.Clip)
	if err != nil {
		return nil, err
	}
	return func(_ context.Context, url string, _ int) (connection, error) {
		c := &rtspConn{
			packets: pkts, count: &l.count,
			video: rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: videoPayloadType}},
			audio: rtp.Packet{Header: rtp.Header{Version: 2, PayloadType: soundPayloadType, Marker: true}},
		}
		tcp := gortsplib.ProtocolTCP
		c.client = &gortsplib.Client{Protocol: &tcp, WriteQueueSize: writeQueue, DialContext: c.dial}
		c.medias[0] = &description.Media{Type: description.MediaTypeVideo, Formats: []format.Format{pkts.format}}
		medias := c.medias[:1]
		if l.Sound {
			config := soundConfig()
			f := &format.MPEG4Audio{PayloadTyp: soundPayloadType, SizeLength: 13, IndexLength: 3, IndexDeltaLength: 3, Config: &config}
			encoder, err := f.CreateEncoder()
			if err != nil {
				return nil, err
			}
			c.encoder = encoder
			c.medias[1] = &description.Media{Type: description.MediaTypeAudio, Formats: []format.Format{f}}
			medias = c.medias[:]
		}
		return c, c.client.StartRecording(url, &description.Session{Medias: medias})
	}, nil
}

// dial opens the TCP connection, whose packets are counted.
func (c *rtspConn) dial(ctx context.Context, network, address string) (net.Conn, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	c.conn = &countedConn{Conn: nc}
	return c.conn, nil
}

func (c *rtspConn) picture(ctx context.Context, n int64) (ok bool, err error) {
	unit := c.packets.units[n%int64(len(c.packets.units))]
	c.video.Timestamp = uint32(c.packets.ticks(n))
	for i, payload := range unit {
		c.video.Payload, c.video.Marker = payload, i == len(unit)-1
		if ok, err := c.write(ctx, c.medias[0], &c.video); !ok {
			return false, err
		}
	}
	return true, nil
}

// sound sends the frames in packets that each carry as many as fit.
func (c *rtspConn) sound(ctx context.Context, frames [][]byte, first int64) (ok bool, err error) {
	packets, err := c.encoder.Encode(frames)
	if err != nil {
		return false, err
	}
	for _, made := range packets {
		c.audio.Payload, c.audio.Timestamp = made.Payload, uint32(first)+made.Timestamp
		if ok, err := c.write(ctx, c.medias[1], &c.audio); !ok {
			return false, err
		}
	}
	return true, nil
}

// write adds pkt to the client's queue, and waits while the queue is full. Then it sets the next sequence number in pkt.
// It drops no packet, because a stream with losses would cost the server a different amount of work. ok is false with
// an error, and if ctx ends while it waits: pkt is then not in the queue.
func (c *rtspConn) write(ctx context.Context, media *description.Media, pkt *rtp.Packet) (ok bool, err error) {
	for {
		err := c.client.WritePacketRTP(media, pkt)
		if err == nil {
			break
		}
		if !errors.As(err, new(liberrors.ErrClientWriteQueueFull)) {
			return false, err
		}
		c.count.full.Add(1)
		select {
		case <-time.After(time.Millisecond):
		case <-ctx.Done():
			return false, nil
		}
	}
	c.queued++
	pkt.SequenceNumber++
	c.count.packets.Add(1)
	c.count.bytes.Add(int64(len(pkt.Payload)))
	return true, nil
}

// finish waits until the queue is written.
func (c *rtspConn) finish() error {
	c.conn.written(c.queued, drainWithin)
	return nil
}

func (c *rtspConn) close() { c.client.Close() }
