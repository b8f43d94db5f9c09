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

// numbering is the server's UDP socket for RTP. gortsplib reorders datagrams by sequence number: after a lost packet it
// waits for 64 further packets, however long that takes, and it mixes senders that share a port. Package rtp reorders
// within a time limit, and separates senders by SSRC. Therefore numbering gives consecutive sequence numbers to the
// packets before gortsplib gets them, and restores the original numbers when gortsplib has passed them on. As a side
// effect, gortsplib's receiver reports contain no loss.
//
// One goroutine of gortsplib reads the packets and passes them on; no other goroutine uses a numbering.
type numbering struct {
	*net.UDPConn
	expected func(netip.AddrPort) bool // reports whether a session owns a source port; other packets keep their number
	flows    map[netip.AddrPort]flows  // by source address and port
	now      *flow                     // flow of the current packet; nil: the packet kept its number
	cleared  time.Time                 // when clear last deleted flows
}

// flows holds the flows of one source port by payload type: gortsplib reorders each payload type separately.
type flows map[uint8]*flow

// flow holds the sequence numbers that a numbering gives to the packets of one payload type from one source port.
type flow struct {
	next uint16      // number of the next packet
	own  [256]uint16 // original numbers of the newest packets, indexed by their new number modulo 256
}

const (
	maxFlows   = 8           // of one source port; a track sends one or two payload types
	clearFlows = time.Second // shortest interval between two deletions
)

func newNumbering(pc *net.UDPConn, expected func(netip.AddrPort) bool) *numbering {
	return &numbering{UDPConn: pc, expected: expected, flows: map[netip.AddrPort]flows{}}
}

// ReadFrom reads a packet into b and renumbers it.
func (c *numbering) ReadFrom(b []byte) (int, net.Addr, error) {
	n, addr, err := c.UDPConn.ReadFrom(b)
	if c.now = nil; err == nil && n < len(b) { // a packet that fills b is too long for gortsplib
		from := addr.(*net.UDPAddr).AddrPort()
		c.number(b[:n], netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), time.Now())
	}
	return n, addr, err
}

// number renumbers the packet b, which arrived from an address at a time. A packet keeps its number if gortsplib will
// refuse it, if no session owns its port, or if its port has maxFlows other flows already.
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

// clear deletes the flows of ports that no session owns any more. It keeps the flow of a silent publisher: with numbers
// from 0 again, gortsplib would drop its packets as late.
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

// restore sets the original number of a packet that gortsplib has passed on.
func (c *numbering) restore(p *pion.Packet) {
	if c.now != nil {
		p.SequenceNumber = c.now.own[p.SequenceNumber%256]
	}
}

// renumbered is a session whose packets pass through a numbering.
type renumbered struct {
	*gortsplib.ServerSession
	numbers *numbering
}

// OnPacketRTP sets the callback for the packets of a format; take gets them with their original numbers.
func (r renumbered) OnPacketRTP(m *description.Media, f format.Format, take gortsplib.OnPacketRTPFunc) {
	r.ServerSession.OnPacketRTP(m, f, func(p *pion.Packet) {
		r.numbers.restore(p)
		take(p)
	})
}

// carrier returns the source of the packets of the session of, whose gortsplib session is ss. Over UDP the source
// restores the original sequence numbers (see numbering), and carrier prepares the tracks for lost and reordered
// packets.
func (s *Server) carrier(ss *gortsplib.ServerSession, of *session) carrier {
	if s.numbers == nil || ss.Transport() == nil || ss.Transport().Protocol != gortsplib.ProtocolUDP {
		return ss
	}
	of.expectDatagrams()
	return renumbered{ss, s.numbers}
}

// expectDatagrams tells the tracks, before the first packet, that their packets arrive over UDP and may be lost or
// reordered.
func (s *session) expectDatagrams() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.tracks {
		s.tracks[i].rtp.ExpectDatagrams()
	}
}

// udpReadBufferBytes is the usual receive buffer of a UDP port: room for a burst of packets.
const udpReadBufferBytes = 2 << 20

// sizeBuffer asks the system for a receive buffer. The system may grant less (net.core.rmem_max); packets that find no
// room are lost, and are counted as rtp_loss.
func sizeBuffer(pc net.PacketConn, bytes int) {
	if u, ok := pc.(*net.UDPConn); ok {
		_ = u.SetReadBuffer(bytes)
	}
}

// listenPacket opens a UDP port for media, and asks the system for a receive buffer of udpReadBufferBytes.
func listenPacket(network, address string) (net.PacketConn, error) {
	pc, err := net.ListenPacket(network, address)
	if err == nil {
		sizeBuffer(pc, udpReadBufferBytes)
	}
	return pc, err
}
