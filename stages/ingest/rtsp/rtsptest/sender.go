package rtsptest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"
)

// Sender sends a track of a clip to one peer.
type Sender struct {
	Track *Track
	Index int // of the track in the clip
	SSRC  uint32

	session  *Session
	base     uint32 // RTP time at which the clip begins
	seq      uint16 // of the next packet
	channel  int    // interleaved channel for RTP; that for RTCP is the next
	pack     Packetiser
	rtp      *net.UDPConn // sockets over UDP; nil: over TCP
	rtcp     *net.UDPConn
	ports    string // of the sockets, as RTP-RTCP
	peer     net.IP
	port     int   // the peer's port for RTP; its port for RTCP is the next
	n        int   // number of the next access unit
	reported int64 // media time of the last sender report, in whole seconds
	packets  uint32
	bytes    uint32

	mu   sync.Mutex
	sent []time.Time // when the camera sent each access unit
}

// Payload is the payload of one RTP packet.
type Payload struct {
	PTS    int64 // ticks
	Data   []byte
	Marker bool
}

// Packetiser returns the payloads of access unit n, whose PTS is in ticks since the start of the session. It may keep
// some payloads and return them with a later access unit.
type Packetiser func(n int, u *Unit, pts int64) []Payload

// Packet is an RTP packet that a camera is about to send (RFC 3550, 5.1).
type Packet struct {
	Sender *Sender
	N      int   // number of the access unit with which the packetiser returned it
	PTS    int64 // of its payload, in ticks
	First  bool  // it is the first packet that the packetiser returned for N
	Marker bool
	PT     byte
	Seq    uint16
	TS     uint32
	SSRC   uint32
	Data   []byte

	Extension []byte // header extension of whole 32-bit words (RFC 3550, 5.3.1); nil: none
	Padding   byte   // number of bytes of padding; 0: none
}

func newSender(s *Session, i int) *Sender {
	t := &s.clip.Tracks[i]
	k := &Sender{Track: t, Index: i, SSRC: 0x5eed0000 + uint32(i), session: s, base: 0x1000_0000 * uint32(i+1), seq: uint16(1000 * (i + 1))}
	pack := packetise[t.Codec]
	if s.quirk.Payloads != nil && t.Codec != AAC {
		pack = s.quirk.Payloads
	}
	k.pack = pack(k)
	return k
}

// Sent returns the time at which the camera sent each access unit, from the first on.
func (k *Sender) Sent() []time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	return append([]time.Time(nil), k.sent...)
}

// Senders returns the senders of the tracks that the client set up.
func (s *Session) Senders() []*Sender { return s.senders }

// play sends all tracks, each access unit at its time, until the client leaves.
func (s *Session) play() {
	wire := func(p []Packet) []Packet { return p }
	if s.quirk.Wire != nil {
		wire = s.quirk.Wire(s)
	}
	timer := time.NewTimer(0)
	defer timer.Stop()
	begin := time.Now()
	for {
		k := s.earliest()
		u, dts, pts := k.Track.at(k.n)
		at := ticks(dts, k.Track.ClockHz)
		timer.Reset(time.Until(begin.Add(time.Duration(float64(at) / s.camera.speed))))
		select {
		case <-timer.C:
		case <-s.done:
			return
		}
		pkts := wire(k.next(u, pts))
		if second := int64(at / time.Second); second > k.reported || k.n == 0 {
			k.reported = second
			k.reportOn(pkts, pts, begin)
		}
		for _, p := range pkts {
			if s.Send(p) != nil {
				return
			}
		}
		k.count()
	}
}

// earliest returns the sender whose next access unit has the least DTS.
func (s *Session) earliest() (first *Sender) {
	best := time.Duration(0)
	for _, k := range s.senders {
		_, dts, _ := k.Track.at(k.n)
		if at := ticks(dts, k.Track.ClockHz); first == nil || at < best {
			first, best = k, at
		}
	}
	return first
}

// next returns the packets that the packetiser makes at the next access unit u, whose PTS is pts.
func (k *Sender) next(u *Unit, pts int64) (out []Packet) {
	for i, p := range k.pack(k.n, u, pts) {
		out = append(out, Packet{
			Sender: k, N: k.n, PTS: p.PTS, First: i == 0, Marker: p.Marker, PT: byte(96 + k.Index), Seq: k.seq, TS: k.base + uint32(p.PTS), SSRC: k.SSRC, Data: p.Data,
		})
		k.seq++
	}
	return out
}

func (k *Sender) count() {
	k.n++
	k.mu.Lock()
	defer k.mu.Unlock()
	k.sent = append(k.sent, time.Now())
}

// reportOn sends a sender report for the track of k. The report pairs a wall-clock time with the RTP time of a packet
// in pkts: the first packet of k with the presentation time pts. The wall-clock time is zero, at which the clip began,
// plus pts. reportOn sends nothing if pkts has no such packet, or if the quirk has NoReports.
func (k *Sender) reportOn(pkts []Packet, pts int64, zero time.Time) {
	for _, p := range pkts {
		if p.Sender == k && p.PTS == pts && !k.session.quirk.NoReports {
			_ = k.report(zero.Add(ticks(pts, k.Track.ClockHz)), p.TS)
			return
		}
	}
}

// Send writes a packet to the peer.
func (s *Session) Send(p Packet) error {
	b := make([]byte, 12, 12+len(p.Data))
	b[0], b[1] = 0x80, p.PT
	if p.Marker {
		b[1] |= 0x80
	}
	binary.BigEndian.PutUint16(b[2:], p.Seq)
	binary.BigEndian.PutUint32(b[4:], p.TS)
	binary.BigEndian.PutUint32(b[8:], p.SSRC)
	if p.Extension != nil {
		b[0] |= 0x10
		b = append(b, p.Extension...)
	}
	b = append(b, p.Data...)
	if p.Padding > 0 {
		b[0] |= 0x20
		b = append(append(b, make([]byte, p.Padding-1)...), p.Padding)
	}
	p.Sender.packets++
	p.Sender.bytes += uint32(len(p.Data))
	return p.Sender.write(false, b)
}

// report sends a sender report (RFC 3550, 6.4.1) that pairs a wall-clock time with an RTP time.
func (k *Sender) report(at time.Time, rtp uint32) error {
	b := make([]byte, 28)
	b[0], b[1], b[3] = 0x80, 200, 6
	binary.BigEndian.PutUint32(b[4:], k.SSRC)
	const from1900 = 2208988800
	binary.BigEndian.PutUint32(b[8:], uint32(at.Unix()+from1900))
	binary.BigEndian.PutUint32(b[12:], uint32(uint64(at.Nanosecond())<<32/uint64(time.Second)))
	binary.BigEndian.PutUint32(b[16:], rtp)
	binary.BigEndian.PutUint32(b[20:], k.packets)
	binary.BigEndian.PutUint32(b[24:], k.bytes)
	return k.write(true, b)
}

// Bye sends an RTCP goodbye for the track (RFC 3550, 6.6).
func (k *Sender) Bye() error {
	b := []byte{0x81, 203, 0, 1, 0, 0, 0, 0}
	binary.BigEndian.PutUint32(b[4:], k.SSRC)
	return k.write(true, b)
}

// write sends an RTP or RTCP packet over the transport that SETUP selected.
func (k *Sender) write(rtcp bool, b []byte) error {
	if k.rtp != nil {
		c, port := k.rtp, k.port
		if rtcp {
			c, port = k.rtcp, k.port+1
		}
		_, _ = c.WriteToUDP(b, &net.UDPAddr{IP: k.peer, Port: port}) // a failed send counts as packet loss
		return nil
	}
	s, channel := k.session, k.channel
	if rtcp {
		channel++
	}
	frame := append([]byte{'$', byte(channel), byte(len(b) >> 8), byte(len(b))}, b...)
	if s.quirk.Before != nil {
		frame = append(s.quirk.Before(s.frames), frame...)
	}
	s.frames++
	return s.Write(frame)
}

// openUDP opens a pair of ports for the track, and returns the Transport header of the answer to SETUP. clientPorts are
// the client's ports in the form RTP-RTCP.
func (k *Sender) openUDP(clientPorts string) (string, error) {
	if k.ports = k.reserve(); k.ports == "" {
		return "", errors.New("no pair of free ports")
	}
	return "RTP/AVP;unicast;client_port=" + clientPorts + ";server_port=" + k.ports, k.connect(clientPorts)
}

// reserve binds an even port and the next one for the track, and returns their numbers as RTP-RTCP, such as 5000-5001.
// It returns an empty string if it finds no free pair.
func (k *Sender) reserve() string {
	for range 100 {
		a, err := net.ListenUDP("udp", &net.UDPAddr{IP: loopback})
		if err != nil {
			return ""
		}
		port := a.LocalAddr().(*net.UDPAddr).Port
		if port%2 == 0 {
			if b, err := net.ListenUDP("udp", &net.UDPAddr{IP: loopback, Port: port + 1}); err == nil {
				k.rtp, k.rtcp = a, b
				k.ports = fmt.Sprintf("%d-%d", port, port+1)
				return k.ports
			}
		}
		_ = a.Close()
	}
	return ""
}

var loopback = net.IPv4(127, 0, 0, 1)

// connect sets the peer's ports, which are given as RTP-RTCP.
func (k *Sender) connect(ports string) error {
	to, err := strconv.Atoi(before(ports, "-"))
	k.peer = k.session.nc.RemoteAddr().(*net.TCPAddr).IP
	k.port = to
	return err
}

func (s *Session) closeUDP() {
	for _, k := range s.senders {
		if k.rtp != nil {
			_, _ = k.rtp.Close(), k.rtcp.Close()
		}
	}
}
