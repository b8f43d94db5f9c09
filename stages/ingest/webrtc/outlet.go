package webrtc

import (
	"context"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/gospool/spool/pipeline"
	send "github.com/gospool/spool/stages/egress/rtp"
)

// outlet sends the packets of a player to its client. It implements Outlet of package stages/egress/rtsp.
type outlet struct {
	peer   *peer
	sent   []*sent // by half of the channel
	header rtp.Header
}

// A key frame or a whole GOP comes at once, and would overflow the client's socket: after burstPackets the outlet waits.
const (
	burstPackets = 8
	burstPause   = time.Millisecond
)

// Send sends the packets of even channels, and the reports of odd ones. Packets that the network does not take are lost, as
// packets on their way may be: the client requests them again.
func (o *outlet) Send(frames *send.Frames) error {
	ctx := o.peer.live
	for i := range frames.Len() {
		if i%burstPackets == burstPackets-1 && !pipeline.Sleep(ctx, o.peer.of.Clock, burstPause, nil) || ctx.Err() != nil {
			return context.Cause(ctx)
		}
		channel, packet := frames.Frame(i)
		o.peer.client.Sent(len(packet))
		if channel%2 != 0 {
			if reports, err := rtcp.Unmarshal(packet); err == nil {
				_ = o.peer.pc.WriteRTCP(reports)
			}
			continue
		}
		n, err := o.header.Unmarshal(packet)
		if err != nil {
			return err
		}
		_, _ = o.sent[channel/2].writer.WriteRTP(&o.header, packet[n:])
	}
	return nil
}
