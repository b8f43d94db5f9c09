package e2e

import (
	"context"
	"net"
	"sync/atomic"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/pion/rtp"
)

// rtspClient publishes over TCP by gortsplib, whose client drops the packets of its queue when it closes: a busy machine
// would take the last ones away from the server. So finish waits for the queue.
type rtspClient struct {
	*gortsplib.Client
	queued  int64        // RTP packets
	written atomic.Int64 // RTP packets
}

func newRTSPClient() *rtspClient {
	tcp, c := gortsplib.ProtocolTCP, &rtspClient{}
	c.Client = &gortsplib.Client{Protocol: &tcp, WriteQueueSize: 1024, DialContext: c.dial}
	return c
}

func (c *rtspClient) dial(ctx context.Context, network, address string) (net.Conn, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, network, address)
	return &countedConn{nc, &c.written}, err
}

func (c *rtspClient) write(to *description.Media, p *rtp.Packet, at time.Time) error {
	c.queued++
	return c.WritePacketRTPWithNTP(to, p, at)
}

// finish returns when each packet is written, or the client has ended.
func (c *rtspClient) finish() {
	ended := make(chan struct{})
	go func() { _ = c.Wait(); close(ended) }()
	for c.written.Load() < c.queued {
		select {
		case <-ended:
			return
		case <-time.After(time.Millisecond): // the library reports no empty queue
		}
	}
}

// countedConn counts the RTP packets that are written to it.
type countedConn struct {
	net.Conn
	packets *atomic.Int64
}

// Write writes a message of RTSP: gortsplib writes each with one call. A frame of an even channel carries RTP (RFC 2326, 10.12).
func (c *countedConn) Write(b []byte) (int, error) {
	n, err := c.Conn.Write(b)
	if err == nil && len(b) > 1 && b[0] == '$' && b[1]%2 == 0 {
		c.packets.Add(1)
	}
	return n, err
}
