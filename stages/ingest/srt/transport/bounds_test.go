package transport

import (
	"net/netip"
	"testing"
	"time"

	"github.com/datarhei/gosrt/circular"
	"github.com/datarhei/gosrt/packet"
	"github.com/stretchr/testify/require"
)

// bounded is a connection whose datagrams come from a test.
type bounded struct{ *Conn }

const firstNumber = 100

func newBounded() bounded {
	cfg := config()
	cfg.Memory.LimitBytes = 1 << 40
	return bounded{newConn(cfg, netip.AddrPort{}, link{
		first: circular.New(firstNumber, packet.MAX_SEQUENCENUMBER), latency: 8 * time.Second, at: cfg.Clock.Now(),
	}, func([]byte) {}, func() {})}
}

// data takes a packet with a number of the first.
func (c bounded) data(number uint32, payloadBytes int, at time.Duration) {
	d := datagrams.Get().(*datagram)
	d.at, d.size = c.zero.Add(at), headerBytes+payloadBytes
	order.PutUint32(d.b[0:], firstNumber+number)
	order.PutUint32(d.b[4:], 0xc0000001)
	order.PutUint32(d.b[8:], uint32(at.Microseconds()))
	order.PutUint32(d.b[12:], c.local)
	c.take(d)
}

// work does the work of a tick.
func (c bounded) work(at time.Duration) { c.Conn.work(zeroUS + at.Microseconds()) }

func TestPacketsWithoutPayloadAreLeftOut(t *testing.T) {
	c := newBounded()
	for i := range uint32(100) {
		c.data(i, 0, 0)
	}
	c.work(0)
	require.Zero(t, c.buffer.Stats().Pkt)
}

// The gaps are looked at every tick, so their number is bounded.
func TestPacketsBeyondTheFlowWindowAreLeftOut(t *testing.T) {
	c := newBounded()
	for i := range uint32(100_000) {
		c.data(2*i, 1, 0)
	}
	const held = flowWindow/2 + 1
	require.EqualValues(t, held, c.held)
	require.EqualValues(t, held*(packetBytes+1), c.cfg.Memory.held.Load(), "counted before the next tick")
	c.work(8 * time.Second) // all are ripe
	require.Zero(t, c.held)
	c.data(flowWindow+2, 1, 8*time.Second) // the window has moved on
	require.EqualValues(t, 1, c.held)
	c.hold(0)
}

func TestThePacketsOfAConnectionAreBounded(t *testing.T) {
	c := newBounded()
	for i := range uint32(connPackets + 10_000) {
		c.data(i, 1, 0)
		if i%1000 == 0 {
			c.work(0)
		}
	}
	require.EqualValues(t, connPackets, c.held)
	require.EqualValues(t, connPackets*(packetBytes+1), c.heldBytes)
	c.hold(0)
}

// After an outage the peer goes on with numbers far ahead, because it has given up what is too late.
func TestAnOutageLongerThanTheFlowWindow(t *testing.T) {
	c := newBounded()
	c.data(0, 1, 0)
	c.work(8 * time.Second)
	for i := range uint32(100) {
		c.data(1_000_000+i, 1, 20*time.Second)
	}
	c.work(29 * time.Second)
	require.NoError(t, c.hand(func(Packet) error { return nil }))
	require.EqualValues(t, 101, c.Stats().Packets)
	require.EqualValues(t, 999_999, c.Stats().Lost)
}
