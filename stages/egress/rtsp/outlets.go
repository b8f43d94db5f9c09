package rtsp

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/clients"
	"github.com/gospool/spool/stages/egress/rtp"
)

// Interleaved is an Outlet within the connection of the client (RFC 2326, 10.12).
type Interleaved struct {
	Context context.Context // its end ends all sending
	Clock   pipeline.Clock
	Conn    net.Conn
	Writing sync.Locker   // is held during each write to Conn
	Within  time.Duration // a batch that the client does not take in this time is the last
	Client  *clients.Client
}

// Send writes all frames at once; see Outlet.
func (o *Interleaved) Send(frames *rtp.Frames) error {
	o.Writing.Lock()
	defer o.Writing.Unlock()
	if o.Context.Err() != nil { // the response to PAUSE has been written: nothing may follow
		return context.Cause(o.Context)
	}
	_ = o.Conn.SetWriteDeadline(o.Clock.Now().Add(o.Within))
	n, err := o.Conn.Write(frames.Bytes())
	o.Client.Sent(n)
	return err
}

// Datagrams is an Outlet that sends each packet as a datagram. The channels of packets are even, and those of reports odd.
type Datagrams struct {
	Context context.Context // its end ends all sending
	Clock   pipeline.Clock
	Packets net.PacketConn
	Reports net.PacketConn
	To      map[byte]net.Addr // by channel
	Client  *clients.Client
}

// A key frame or a whole GOP comes at once, and would overflow the client's socket: after burstPackets the outlet waits.
const (
	burstPackets = 8
	burstPause   = time.Millisecond
)

// Send sends the frames in bursts; see Outlet.
func (o *Datagrams) Send(frames *rtp.Frames) error {
	for i := range frames.Len() {
		if i%burstPackets == burstPackets-1 && !pipeline.Sleep(o.Context, o.Clock, burstPause, nil) || o.Context.Err() != nil {
			return context.Cause(o.Context)
		}
		channel, packet := frames.Frame(i)
		socket := o.Packets
		if channel%2 != 0 {
			socket = o.Reports
		}
		n, err := socket.WriteTo(packet, o.To[channel])
		if err != nil {
			return err
		}
		o.Client.Sent(n)
	}
	return nil
}
