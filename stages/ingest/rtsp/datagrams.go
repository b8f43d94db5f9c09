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

// numbering is the server's socket for RTP. gortsplib orders datagrams itself: it
// waits for 64 packets behind one that is lost, however long that takes, and mixes
// senders that share a port. Package ingest does both by time and by SSRC, so that
// packets are numbered anew here, as if none were lost, and get their own numbers back
// when gortsplib hands them on. (Its receiver reports tell of no loss, then.)
//
// gortsplib reads and hands on in one goroutine, which is the only one to use this.
type numbering struct {
	*net.UDPConn
	expected func(netip.AddrPort) bool // whether a session has a port; strangers' packets are not numbered
	flows    map[netip.AddrPort]flows
	now      *flow // of the packet at hand; nil: it has its own number
	cleared  time.Time
}

// flows are a port's, by payload type: gortsplib has an order for each.
type flows map[uint8]*flow

type flow struct {
	next uint16
	own  [256]uint16 // numbers of the newest packets, by those that they were given
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
	if c.now = nil; err == nil && n < len(b) { // one that fills it is too long for gortsplib
		from := addr.(*net.UDPAddr).AddrPort()
		c.number(b[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), time.Now())
	}
	return n, addr, err
}

// number numbers a packet that gortsplib will take for one.
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

// clear forgets ports that no session has any more. The flow of a publisher that is
// silent stays: gortsplib would leave out what comes under a number that goes back.
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

// restore gives a packet its own number back.
func (c *numbering) restore(p *pion.Packet) {
	if c.now != nil {
		p.SequenceNumber = c.now.own[p.SequenceNumber%256]
	}
}

// renumbered is a session whose packets come by numbering.
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

// carrier returns where a session's packets come from.
func (s *Server) carrier(ss *gortsplib.ServerSession, of *session) carrier {
	if s.numbers == nil || ss.Transport() == nil || ss.Transport().Protocol != gortsplib.ProtocolUDP {
		return ss
	}
	of.expectDatagrams()
	return renumbered{ss, s.numbers}
}

// expectDatagrams says that packets come over UDP, before the first one.
func (s *session) expectDatagrams() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.tracks {
		s.tracks[i].rtp.ExpectDatagrams()
	}
}
