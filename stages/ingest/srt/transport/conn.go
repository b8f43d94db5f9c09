package transport

import (
	"context"
	"errors"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"github.com/datarhei/gosrt/circular"
	"github.com/datarhei/gosrt/congestion"
	"github.com/datarhei/gosrt/congestion/live"
	"github.com/datarhei/gosrt/packet"

	"github.com/gospool/spool/pipeline"
)

// Config is the configuration of the connections of a Listener or a caller.
type Config struct {
	// Latency is how long data is held so that lost packets can be sent again, at least: the peer may ask for more, up to
	// MaxLatency. At most 65 s.
	Latency, MaxLatency time.Duration
	KeyLength           int // bytes of the key: 16, 24 or 32, or 0 for the sender's choice
	Memory              *Memory
	Clock               pipeline.Clock
}

// Memory bounds the data that the receive buffers of connections hold together. The zero value holds nothing.
type Memory struct {
	LimitBytes int64
	held       atomic.Int64
}

// The bounds of the receive buffer of one connection: 30 Mbit/s at a latency of 8 s have 23,000 packets. packetBytes is what
// a packet takes beside its payload.
const (
	connBytes   = 48 << 20
	connPackets = 32 << 10
	packetBytes = 512
)

const (
	tick        = 10 * time.Millisecond // between two acknowledgements (4.8.1)
	idleTimeout = 5 * time.Second       // without any packet of the peer: SRTO_PEERIDLETIMEO of libsrt
	aliveUS     = 1_000_000             // without a packet to the peer (4.7)
	nakUS       = 20_000                // between two reports of losses, at least (4.8.2)
	queueLength = 1024                  // datagrams between the socket and Conn.Run
)

// The reasons for the end of a connection.
var (
	ErrClosed = errors.New("the peer has closed the connection")
	ErrIdle   = errors.New("the peer sends no packets, not even those that keep the connection alive")
)

// Packet is received data.
type Packet struct {
	Data []byte    // valid until the next call
	Lost uint64    // packets before it that never came, or came too late
	At   time.Time // when it arrived, without the jitter of the network
}

// Stats are the counters of a connection.
type Stats struct {
	Packets uint64 // delivered
	Lost    uint64 // not delivered
	Again   uint64 // packets that came again because the network had lost them, or delayed them
}

// Conn is a connection. One goroutine calls Run; the other methods may be called at any time.
type Conn struct {
	cfg    Config
	remote netip.AddrPort
	local  uint32 // sockets
	peer   uint32
	send   func([]byte)
	leave  func() // removes the connection from its socket
	queue  chan *datagram
	hung   context.Context
	hangUp context.CancelCauseFunc
	asks   atomic.Bool // the peer has sent its request again since the last tick

	// The fields below belong to Run.
	zero      time.Time // times in µs are since it
	latencyUS int64
	keys      *keys
	base      timebase
	buffer    congestion.Receiver
	ripe      []packet.Packet // to be delivered
	next      circular.Number // of the packet to be delivered
	lost      uint64          // packets before it, not yet reported
	countsUS  int64           // newest packet of the peer
	sentUS    int64           // newest packet to the peer
	held      uint64          // packets in the receive buffer
	heldBytes int64           // counted in Config.Memory
	floor     circular.Number // start of the flow window
	acks      acks
	ended     error
	stats     Stats
}

// datagram is a received datagram. Connections return it to the pool.
type datagram struct {
	at   time.Time
	size int
	b    [maxDatagramBytes + 1]byte
}

var datagrams = sync.Pool{New: func() any { return new(datagram) }}

// zeroUS is the time at Conn.zero: nothing that arrives has a time before 0.
const zeroUS = int64(time.Hour / time.Microsecond)

// link is what a handshake agrees on.
type link struct {
	local, peer uint32 // sockets
	first       circular.Number
	latency     time.Duration
	keys        *keys
	timestamp   uint32 // of the handshake, µs
	at          time.Time
}

func newConn(cfg Config, remote netip.AddrPort, l link, send func([]byte), leave func()) *Conn {
	c := &Conn{
		cfg: cfg, remote: remote, local: l.local, peer: l.peer, send: send, leave: leave, queue: make(chan *datagram, queueLength),
		zero: l.at, latencyUS: l.latency.Microseconds(), keys: l.keys, next: l.first, floor: l.first,
		countsUS: zeroUS,
	}
	c.hung, c.hangUp = context.WithCancelCause(context.Background())
	c.base.at(l.timestamp, zeroUS)
	c.buffer = live.NewReceiver(live.ReceiveConfig{
		InitialSequenceNumber: l.first, PeriodicACKInterval: uint64(tick.Microseconds()), PeriodicNAKInterval: nakUS,
		OnSendACK: c.acknowledge, OnSendNAK: c.report, OnDeliver: func(p packet.Packet) { c.ripe = append(c.ripe, p) },
	})
	return c
}

// Remote returns the address of the peer.
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// HangUp makes Run close the connection and return why. It does not wait.
func (c *Conn) HangUp(why error) { c.hangUp(why) }

// Stats returns the counters. The caller calls it after Run, or in deliver.
func (c *Conn) Stats() Stats {
	s := c.stats
	s.Again = c.buffer.Stats().PktRetrans
	return s
}

// push queues a datagram of the peer. If the queue is full the datagram is lost, and the peer sends its packet again.
func (c *Conn) push(d *datagram) {
	select {
	case c.queue <- d:
	default:
		datagrams.Put(d)
	}
}

// Run receives, and calls deliver for each packet in the order in which the peer sent them, until the peer closes the
// connection, ctx ends, HangUp is called or deliver fails. It then delivers what the receive buffer holds, unless
// deliver has failed, and closes the connection. idle is called every 10 ms; its error ends the connection too. Run
// returns the reason.
func (c *Conn) Run(ctx context.Context, deliver func(Packet) error, idle func(now time.Time) error) error {
	defer c.leave()
	defer c.hold(0)
	defer c.hangUp(nil)
	defer c.transmit(packet.CTRLTYPE_SHUTDOWN, 0, 0, &packet.CIFShutdown{})
	for c.ended == nil {
		c.receive(ctx)
		now := c.cfg.Clock.Now()
		if c.ended != nil {
			break
		}
		c.work(c.microseconds(now))
		if err := c.hand(deliver); err != nil {
			return err
		}
		if c.ended == nil {
			c.ended = idle(now)
		}
	}
	c.buffer.Tick(1 << 62) // all packets are ripe
	if err := c.hand(deliver); err != nil {
		return err
	}
	return c.ended
}

// receive handles the datagrams of a tick.
func (c *Conn) receive(ctx context.Context) {
	next, stop := c.cfg.Clock.After(tick)
	defer stop()
	for c.ended == nil {
		select {
		case <-ctx.Done():
			c.ended = context.Cause(ctx)
		case <-c.hung.Done():
			c.ended = context.Cause(c.hung)
		case d := <-c.queue:
			c.take(d)
		case <-next:
			return
		}
	}
}

// take handles a datagram.
func (c *Conn) take(d *datagram) {
	defer datagrams.Put(d)
	p, err := packet.NewPacketFromData(nil, d.b[:d.size])
	if err != nil {
		return
	}
	nowUS := c.microseconds(d.at)
	c.countsUS = max(c.countsUS, nowUS)
	if h := p.Header(); h.IsControlPacket {
		c.control(p, nowUS)
		p.Decommission()
		return
	}
	c.data(p, nowUS)
}

// data takes a packet of media into the receive buffer.
func (c *Conn) data(p packet.Packet, nowUS int64) {
	h := p.Header()
	useless := h.MessageNumber == 0 || p.Len() == 0 // number 0: of a packet filter
	if useless || c.full() || !c.inWindow(h.PacketSequenceNumber) || !c.keys.decrypt(p) {
		p.Decommission()
		return
	}
	h.PktTsbpdTime = uint64(max(c.base.at(h.Timestamp, nowUS)+c.latencyUS, 0))
	c.buffer.Push(p)
	c.count()
}

// full reports whether the receive buffer must not grow.
func (c *Conn) full() bool {
	return c.held >= connPackets || c.heldBytes > connBytes || c.cfg.Memory.held.Load() > c.cfg.Memory.LimitBytes
}

// inWindow reports whether the peer may send a packet number yet: it bounds the gaps, which are looked at every tick. While
// nothing is held the window begins at any later number, because the peer gives up what is too late after an outage.
func (c *Conn) inWindow(number circular.Number) bool {
	if number.Gt(c.floor) && number.Distance(c.floor) > flowWindow {
		if c.held > 0 {
			return false
		}
		c.floor = number
	}
	return true
}

// count counts what is in the receive buffer.
func (c *Conn) count() {
	s := c.buffer.Stats()
	c.held = s.PktBuf
	c.hold(int64(s.ByteBuf + s.PktBuf*packetBytes))
}

// hold counts the bytes in the receive buffer.
func (c *Conn) hold(bytes int64) {
	c.cfg.Memory.held.Add(bytes - c.heldBytes)
	c.heldBytes = bytes
}

// work does what is due every tick.
func (c *Conn) work(nowUS int64) {
	c.buffer.Tick(uint64(nowUS))
	c.count()
	if c.asks.Swap(false) {
		c.countsUS = nowUS
	}
	if nowUS-c.sentUS >= aliveUS {
		c.transmit(packet.CTRLTYPE_KEEPALIVE, 0, 0, nil)
	}
	if nowUS-c.countsUS >= idleTimeout.Microseconds() {
		c.ended = ErrIdle
	}
}

// hand delivers the ripe packets.
func (c *Conn) hand(deliver func(Packet) error) error {
	defer func() { clear(c.ripe); c.ripe = c.ripe[:0] }()
	for _, p := range c.ripe {
		h := p.Header()
		c.lost += uint64(h.PacketSequenceNumber.Distance(c.next))
		c.next = h.PacketSequenceNumber.Inc()
		c.stats.Packets++
		c.stats.Lost += c.lost
		at := c.zero.Add(time.Duration(int64(h.PktTsbpdTime)-c.latencyUS-zeroUS) * time.Microsecond)
		err := deliver(Packet{p.Data(), c.lost, at})
		p.Decommission()
		if c.lost = 0; err != nil {
			return err
		}
	}
	return nil
}

func (c *Conn) microseconds(t time.Time) int64 { return t.Sub(c.zero).Microseconds() + zeroUS }

// transmit sends a control packet to the peer.
func (c *Conn) transmit(kind packet.CtrlType, sub packet.CtrlSubType, specific uint32, cif packet.CIF) {
	c.sentUS = c.microseconds(c.cfg.Clock.Now())
	c.send(control(kind, sub, specific, uint32(c.sentUS-zeroUS), c.peer, cif))
}
