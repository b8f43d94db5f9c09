package rtsp

import (
	"encoding/binary"
	"net"
	"net/netip"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/format"
	"github.com/pion/rtp"
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
	known   func(netip.AddrPort) bool // whether a publisher sends from there
	flows   map[flowKey]*flow
	now     *flow // of the packet at hand; nil: it has its own number
	cleared time.Time
}

// flowKey is what gortsplib has an order for.
type flowKey struct {
	from netip.AddrPort
	kind uint8 // payload type
}

type flow struct {
	next uint16
	own  [256]uint16 // numbers of the newest packets, by those that they were given
}

const maxFlows = 1 << 15 // some for each track

func newNumbering(pc *net.UDPConn, known func(netip.AddrPort) bool) *numbering {
	return &numbering{UDPConn: pc, known: known, flows: map[flowKey]*flow{}}
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
	var h rtp.Header
	size, err := h.Unmarshal(b)
	if err != nil || h.Padding && (len(b) <= size || int(b[len(b)-1]) > len(b)-size) {
		return
	}
	key := flowKey{from, h.PayloadType}
	f := c.flows[key]
	if f == nil {
		if c.clear(at); len(c.flows) >= maxFlows || !c.known(from) {
			return
		}
		f = &flow{}
		c.flows[key] = f
	}
	f.own[f.next%256] = h.SequenceNumber
	binary.BigEndian.PutUint16(b[2:], f.next)
	f.next++
	c.now = f
}

// clear forgets the flows of publishers that have left. That of one that is silent
// stays: gortsplib would leave out what comes under a number that goes back.
func (c *numbering) clear(at time.Time) {
	if at.Sub(c.cleared) < time.Second {
		return
	}
	c.cleared = at
	for key := range c.flows {
		if !c.known(key.from) {
			delete(c.flows, key)
		}
	}
}

// restore gives a packet its own number back.
func (c *numbering) restore(p *rtp.Packet) {
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
	r.ServerSession.OnPacketRTP(m, f, func(p *rtp.Packet) {
		r.numbers.restore(p)
		take(p)
	})
}

// carrier is where a session's packets come from.
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
