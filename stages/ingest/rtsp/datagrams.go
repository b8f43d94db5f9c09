package rtsp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	pion "github.com/pion/rtp"
)

// numbering is the server's socket for RTP. gortsplib orders datagrams itself: it waits for 64 packets behind a lost
// one, however long that takes, and mixes senders that share a port. Package rtp does both by time and by SSRC.
// numbering therefore renumbers the packets as if none were lost, and restores their own numbers after gortsplib has
// passed them on. (gortsplib's receiver reports then contain no loss.)
//
// gortsplib reads and passes on packets in one goroutine, the only one that uses a numbering.
type numbering struct {
	*net.UDPConn
	expected func(netip.AddrPort) bool // whether a session owns a port; packets of strangers are not numbered
	flows    map[netip.AddrPort]flows
	now      *flow // of the current packet; nil: it kept its own number
	cleared  time.Time
}

// flows are the flows of a port, by payload type: gortsplib orders each separately.
type flows map[uint8]*flow

type flow struct {
	next uint16
	own  [256]uint16 // own numbers of the newest packets, by their new numbers
}

const (
	maxFlows   = 8 // of a port; a track sends one payload type, or two
	clearFlows = time.Second
)

func newNumbering(pc *net.UDPConn, expected func(netip.AddrPort) bool) *numbering {
	return &numbering{UDPConn: pc, expected: expected, flows: map[netip.AddrPort]flows{}}
}

// ReadFrom reads a packet and numbers it.
func (c *numbering) ReadFrom(b []byte) (int, net.Addr, error) {
	n, addr, err := c.UDPConn.ReadFrom(b)
	if c.now = nil; err == nil && n < len(b) { // a packet that fills b is too long for gortsplib
		from := addr.(*net.UDPAddr).AddrPort()
		c.number(b[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), time.Now())
	}
	return n, addr, err
}

// number numbers a packet that gortsplib will accept.
func (c *numbering) number(b []byte, from netip.AddrPort, at time.Time) {
	var h pion.Header
	size, err := h.Unmarshal(b)
	if err != nil || h.Padding && (len(b) <= size || int(b[len(b)-1]) > len(b)-size) {
		return
	}
	c.clear(at)
	of := c.flows[from]
	if of == nil {
		if !c.expected(from) {
			return
		}
		of = flows{}
		c.flows[from] = of
	}
	f := of[h.PayloadType]
	if f == nil {
		if len(of) == maxFlows {
			return
		}
		f = &flow{}
		of[h.PayloadType] = f
	}
	f.own[f.next%256] = h.SequenceNumber
	binary.BigEndian.PutUint16(b[2:], f.next)
	f.next++
	c.now = f
}

// clear removes ports that no session owns any more. The flow of a silent publisher stays: gortsplib would leave out
// packets whose number goes back.
func (c *numbering) clear(at time.Time) {
	if at.Sub(c.cleared) < clearFlows {
		return
	}
	c.cleared = at
	for from := range c.flows {
		if !c.expected(from) {
			delete(c.flows, from)
		}
	}
}

// restore restores a packet's own number.
func (c *numbering) restore(p *pion.Packet) {
	if c.now != nil {
		p.SequenceNumber = c.now.own[p.SequenceNumber%256]
	}
}

// renumbered is a session whose packets pass through numbering.
type renumbered struct {
	*gortsplib.ServerSession
	numbers *numbering
}

func (r renumbered) OnPacketRTP(m *description.Media, f format.Format, take gortsplib.OnPacketRTPFunc) {
	r.ServerSession.OnPacketRTP(m, f, func(p *pion.Packet) {
		r.numbers.restore(p)
		take(p)
	})
}

// carrier returns the source of a session's packets.
func (s *Server) carrier(ss *gortsplib.ServerSession, of *session) carrier {
	if s.numbers == nil || ss.Transport() == nil || ss.Transport().Protocol != gortsplib.ProtocolUDP {
		return ss
	}
	of.expectDatagrams()
	return renumbered{ss, s.numbers}
}

// expectDatagrams announces packets over UDP to the tracks, before the first one.
func (s *session) expectDatagrams() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.tracks {
		s.tracks[i].rtp.ExpectDatagrams()
	}
}
