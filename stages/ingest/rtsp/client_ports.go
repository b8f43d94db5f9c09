package rtsp

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"

	"github.com/gospool/spool/pipeline"
)

// ports records which session owns each UDP source port of the clients. gortsplib assigns a packet to a session by
// source address and port only. If two sessions had the same ports, the second would receive the packets of the first,
// and the end of the second would stop them. Therefore each port of an address, for RTP or RTCP, belongs to one track
// of one session until that session has closed.
type ports struct {
	mu sync.Mutex // guards the field below
	of map[netip.AddrPort]portUser
}

// portUser is a session that receives from ports of a client, or sends to them.
type portUser interface {
	over() bool             // the client has left, though the server has not noticed it: its ports are free for another session
	quit()                  // closes the client's connection; does not wait
	freed() <-chan struct{} // closed when the ports are free
}

func (s *session) quit()                  { s.hangUp() }
func (s *session) freed() <-chan struct{} { return s.gone }

// claim gives both ports of pair to a track of s. If a port has an owner already, it claims neither, and returns the
// owner and the reason phrase of the refusal.
func (p *ports) claim(s portUser, addr netip.Addr, pair [2]int) (holder portUser, reason string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, port := range pair {
		switch of := p.of[netip.AddrPortFrom(addr, uint16(port))]; of {
		case nil:
		case s:
			return s, fmt.Sprintf("Client Port %d Is Another Track's", port)
		default:
			return of, fmt.Sprintf("Client Port %d Is Another Session's", port)
		}
	}
	for _, port := range pair {
		p.of[netip.AddrPortFrom(addr, uint16(port))] = s
	}
	return nil, ""
}

// has reports whether a session owns a port.
func (p *ports) has(port netip.AddrPort) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.of[port] != nil
}

// release frees all ports of a closed session.
func (p *ports) release(s portUser) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for port, of := range p.of {
		if of == s {
			delete(p.of, port)
		}
	}
}

// transportOf returns the entry of a SETUP's Transport header that gortsplib chose, and false if the header cannot be
// read or has no such entry. gortsplib reports only the protocol and the profile of the entry, and chooses the first
// entry with them.
func transportOf(req *base.Request, chosen *gortsplib.SessionTransport) (headers.Transport, bool) {
	var list headers.Transports
	if list.Unmarshal(req.Header["Transport"]) != nil {
		return headers.Transport{}, false
	}
	for _, t := range list {
		udp := t.Protocol == headers.TransportProtocolUDP
		multicast := t.Delivery != nil && *t.Delivery == headers.TransportDeliveryMulticast
		if t.Profile == chosen.Profile && udp == (chosen.Protocol != gortsplib.ProtocolTCP) && (!udp || !multicast) {
			return t, true
		}
	}
	return headers.Transport{}, false
}

// place checks the interleaved channels or the client ports that a SETUP requests for a track of s, and records them
// for s. On success the reason is empty; on failure code and reason are the response.
func (h *handler) place(s *session, k *connState, t headers.Transport) (code base.StatusCode, reason string) {
	switch {
	case t.Protocol == headers.TransportProtocolTCP:
		if ids := t.InterleavedIDs; ids != nil && ids[1] > 255 {
			return base.StatusBadRequest, fmt.Sprintf("Channels %d-%d Are Out Of Range", ids[0], ids[1])
		} else if ids != nil {
			s.channels = append(s.channels, *ids)
		}
		return 0, ""
	case t.ClientPorts == nil:
		return base.StatusBadRequest, "Client Ports Are Missing"
	}
	return h.placePorts(s, k, t)
}

// placePorts is place for a transport by UDP.
func (h *handler) placePorts(s portUser, k *connState, t headers.Transport) (code base.StatusCode, reason string) {
	if reason := checkPorts(*t.ClientPorts); reason != "" {
		return base.StatusBadRequest, reason
	}
	holder, reason := h.ports.claim(s, k.addr, *t.ClientPorts)
	if holder != nil && holder != s && holder.over() {
		h.waitFor(holder)
		_, reason = h.ports.claim(s, k.addr, *t.ClientPorts)
	}
	return base.StatusUnsupportedTransport, reason // 461: clients then try TCP
}

// waitFor closes the connection of the session s, which is over (see session.over), and waits until the server has
// released its ports, for releaseTime at most. The client of s has connected again before the server noticed the end of
// the old connection, and sends from the same ports.
func (h *handler) waitFor(s portUser) {
	s.quit()
	pipeline.Sleep(context.Background(), h.cfg.Clock, releaseTime, s.freed())
}

// releaseTime is much more than a session needs to close.
const releaseTime = 5 * time.Second

// checkPorts returns the reason phrase for an invalid pair of client ports; empty if the pair is valid. The first port
// is RTP's, the second RTCP's.
func checkPorts(pair [2]int) string {
	switch a, b := pair[0], pair[1]; {
	case a < 1 || b < 1 || a > 65535 || b > 65535:
		return fmt.Sprintf("Client Ports %d-%d Are Out Of Range", a, b)
	case a >= b:
		return fmt.Sprintf("Client Ports %d-%d Are Not RTP's And RTCP's In Turn", a, b)
	}
	return ""
}

// overlap returns the reason phrase for a SETUP that requests interleaved channels of another track of its session;
// empty if it requests none.
func overlap(ss *gortsplib.ServerSession, req *base.Request) string {
	if ss == nil {
		return ""
	}
	s, is := ss.UserData().(*session)
	if !is {
		return ""
	}
	t, _ := transportOf(req, &gortsplib.SessionTransport{Protocol: gortsplib.ProtocolTCP})
	for _, taken := range s.channels {
		if ids := t.InterleavedIDs; ids != nil && ids[0] <= taken[1] && ids[1] >= taken[0] {
			return fmt.Sprintf("Channels %d-%d Are Another Track's", ids[0], ids[1])
		}
	}
	return ""
}
