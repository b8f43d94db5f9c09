package transport

import (
	"github.com/datarhei/gosrt/circular"
	"github.com/datarhei/gosrt/packet"
)

// control handles a control packet of the peer (draft-sharabayko-srt, 3.2).
func (c *Conn) control(p packet.Packet, nowUS int64) {
	switch h := p.Header(); h.ControlType {
	case packet.CTRLTYPE_SHUTDOWN:
		c.ended = ErrClosed
	case packet.CTRLTYPE_ACK:
		if h.TypeSpecific != 0 { // a full one (3.2.4): without an answer it comes again every 10 ms, though nothing was sent
			c.transmit(packet.CTRLTYPE_ACKACK, 0, h.TypeSpecific, nil)
		}
	case packet.CTRLTYPE_ACKACK:
		if c.acks.answered(h.TypeSpecific, nowUS) {
			c.buffer.SetNAKInterval(max(uint64(c.acks.rttUS+4*c.acks.varianceUS)/2, nakUS))
		}
	case packet.CTRLTYPE_USER:
		if h.SubType == packet.EXTTYPE_KMREQ {
			c.changeKey(p, nowUS)
		}
	}
}

// changeKey takes the next key of the sender, and confirms it.
func (c *Conn) changeKey(p packet.Packet, nowUS int64) {
	km := &packet.CIFKeyMaterialExtension{}
	if p.UnmarshalCIF(km) == nil && c.keys.change(km, nowUS) {
		c.transmit(packet.CTRLTYPE_USER, packet.EXTTYPE_KMRSP, 0, km)
	}
}

// acknowledge acknowledges all packets before a number. The receive buffer calls it every 10 ms, and every 64 packets
// (light). It sends nothing if the peer knows the number, or may be about to answer.
func (c *Conn) acknowledge(before circular.Number, light bool) {
	if before.Gt(c.floor) {
		c.floor = before
	}
	if c.ended != nil {
		return
	}
	if light {
		c.transmit(packet.CTRLTYPE_ACK, 0, 0, &packet.CIFACK{IsLite: true, LastACKPacketSequenceNumber: before})
		return
	}
	nowUS := c.microseconds(c.cfg.Clock.Now())
	if c.acks.known(before.Val()) || c.acks.waits(before.Val(), nowUS) {
		return
	}
	packets, bytes, capacity := c.buffer.PacketRate()
	number := c.acks.ask(before.Val(), nowUS)
	c.transmit(packet.CTRLTYPE_ACK, 0, number, &packet.CIFACK{
		LastACKPacketSequenceNumber: before, RTT: uint32(c.acks.rttUS), RTTVar: uint32(c.acks.varianceUS), AvailableBufferSize: flowWindow,
		PacketsReceivingRate: uint32(packets), EstimatedLinkCapacity: uint32(capacity), ReceivingRate: uint32(bytes),
	})
}

// report reports lost packets: ranges, each by its first and last number. The receive buffer calls it at each gap, and
// periodically until the gap is filled.
func (c *Conn) report(ranges []circular.Number) {
	if c.ended == nil {
		c.transmit(packet.CTRLTYPE_NAK, 0, 0, &packet.CIFNAK{LostPacketSequenceNumber: ranges})
	}
}

// acks measures the round-trip time between an acknowledgement and its answer (4.10).
type acks struct {
	newest            uint32 // number of the newest acknowledgement
	before            uint32 // packet number of the newest acknowledgement that was answered
	answeredAny       bool
	asked             [64]asked
	rttUS, varianceUS int64
}

type asked struct {
	number, before uint32
	atUS           int64
}

// known reports whether the peer has answered an acknowledgement of a packet number.
func (a *acks) known(before uint32) bool { return a.answeredAny && a.before == before }

// firstRTTUS is what the round-trip time and four times its variance are taken for until they are known (4.10).
const firstRTTUS = 100_000 + 4*50_000

// waits reports whether the newest acknowledgement was of a packet number, and its answer may still come. Where many
// connections are slow to answer, repeating it every 10 ms would make them slower.
func (a *acks) waits(before uint32, nowUS int64) bool {
	limitUS := int64(firstRTTUS)
	if a.answeredAny {
		limitUS = a.rttUS + 4*a.varianceUS
	}
	q := &a.asked[a.newest%uint32(len(a.asked))]
	return a.newest != 0 && q.number == a.newest && q.before == before && nowUS-q.atUS < limitUS
}

// ask returns the number of the next acknowledgement.
func (a *acks) ask(before uint32, nowUS int64) uint32 {
	if a.newest++; a.newest == 0 {
		a.newest = 1
	}
	a.asked[a.newest%uint32(len(a.asked))] = asked{a.newest, before, nowUS}
	return a.newest
}

// answered takes the answer to an acknowledgement, and reports whether it is one.
func (a *acks) answered(number uint32, nowUS int64) bool {
	q := &a.asked[number%uint32(len(a.asked))]
	if number == 0 || q.number != number {
		return false
	}
	q.number = 0
	rttUS := max(nowUS-q.atUS, 0)
	if !a.answeredAny {
		a.rttUS, a.varianceUS = rttUS, rttUS/2
	} else {
		difference := a.rttUS - rttUS
		a.varianceUS = (3*a.varianceUS + max(difference, -difference)) / 4
		a.rttUS = (7*a.rttUS + rttUS) / 8
	}
	a.answeredAny, a.before = true, q.before
	return true
}
