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

// ports are the clients' ports that media comes from over UDP. gortsplib tells
// packets apart by address and port alone: a second session that named the port of
// another would get its packets, and end them when it leaves. So each port of an
// address, for RTP or RTCP, is one track's until its session has closed.
type ports struct {
	mu sync.Mutex // guards what follows
	of map[netip.AddrPort]*session
}

// claim takes both ports for a track of s, or neither.
func (p *ports) claim(s *session, addr netip.Addr, pair [2]int) (holder *session, reason string) {
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

// has reports whether a port is a session's.
func (p *ports) has(port netip.AddrPort) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.of[port] != nil
}

// release gives back what a session that has closed had.
func (p *ports) release(s *session) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for port, of := range p.of {
		if of == s {
			delete(p.of, port)
		}
	}
}

// transportOf returns the one that gortsplib chose from a SETUP: the first of its kind
// in the Transport header, since whether it can serve one follows from the kind.
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

// place checks where a track's packets are to come from, and takes the ports that
// they come from over UDP; the reason is empty where they may.
func (h *handler) place(s *session, k *visitor, t headers.Transport) (code base.StatusCode, reason string) {
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
	if reason := checkPorts(*t.ClientPorts); reason != "" {
		return base.StatusBadRequest, reason
	}
	holder, reason := h.ports.claim(s, k.addr, *t.ClientPorts)
	if holder != nil && holder != s && holder.over() {
		h.waitFor(holder)
		_, reason = h.ports.claim(s, k.addr, *t.ClientPorts)
	}
	return base.StatusUnsupportedTransport, reason // clients try TCP then
}

// waitFor ends a session that is over: its client has come back before the server
// noticed, and sends from the same ports.
func (h *handler) waitFor(s *session) {
	s.hangUp()
	pipeline.Sleep(context.Background(), h.cfg.Clock, time.Second, s.gone)
}

// checkPorts wants two ports that packets can come from.
func checkPorts(pair [2]int) string {
	switch a, b := pair[0], pair[1]; {
	case a < 1 || b < 1 || a > 65535 || b > 65535:
		return fmt.Sprintf("Client Ports %d-%d Are Out Of Range", a, b)
	case a >= b:
		return fmt.Sprintf("Client Ports %d-%d Are Not RTP's And RTCP's In Turn", a, b)
	}
	return ""
}

// overlap says that a SETUP names channels that another track has.
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
