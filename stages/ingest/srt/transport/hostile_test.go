package transport

import (
	"bytes"
	"context"
	"net"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/datarhei/gosrt/circular"
	"github.com/datarhei/gosrt/packet"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// raw is a client that makes its own packets.
type raw struct {
	*net.UDPConn
	t *testing.T
}

func newRaw(t *testing.T, to net.Addr) raw {
	t.Helper()
	c, err := net.DialUDP("udp", nil, to.(*net.UDPAddr))
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return raw{c, t}
}

func (r raw) send(b []byte) {
	r.t.Helper()
	_, err := r.Write(b)
	require.NoError(r.t, err)
}

// answer returns the next handshake of the server.
func (r raw) answer() *handshake {
	r.t.Helper()
	require.NoError(r.t, r.SetReadDeadline(time.Now().Add(patience)))
	for b := make([]byte, 2000); ; {
		n, err := r.Read(b)
		require.NoError(r.t, err)
		if h, ok := readHead(b[:n]); ok && h.handshake {
			got, err := readHandshake(b[:n])
			require.NoError(r.t, err)
			return got
		}
	}
}

func induction(socket uint32) []byte {
	return control(packet.CTRLTYPE_HANDSHAKE, 0, 0, 0, 0, &packet.CIFHandshake{
		Version: 4, ExtensionField: 2, InitialPacketSequenceNumber: circular.New(0, packet.MAX_SEQUENCENUMBER), MaxTransmissionUnitSize: mtuBytes,
		MaxFlowWindowSize: flowWindow, HandshakeType: packet.HSTYPE_INDUCTION, SRTSocketId: socket,
	})
}

func conclusion(socket, cookie, mtu uint32) *packet.CIFHandshake {
	return &packet.CIFHandshake{
		IsRequest: true, Version: 5, InitialPacketSequenceNumber: circular.New(100, packet.MAX_SEQUENCENUMBER), MaxTransmissionUnitSize: mtu, MaxFlowWindowSize: flowWindow,
		HandshakeType: packet.HSTYPE_CONCLUSION, SRTSocketId: socket, SynCookie: cookie, HasHS: true, SRTHS: extension(time.Second, time.Second), HasSID: true, StreamId: "live/a",
	}
}

func request(h *packet.CIFHandshake) []byte {
	return control(packet.CTRLTYPE_HANDSHAKE, 0, 0, 0, 0, h)
}

// An answer that the network loses is sent again, and does not make a second connection.
func TestARepeatedRequestIsAnsweredAgain(t *testing.T) {
	l, conns := receiver(t, config(), "")
	c := newRaw(t, l.Addr())
	c.send(induction(7))
	ask := request(conclusion(7, c.answer().SynCookie, mtuBytes))
	c.send(ask)
	first := c.answer()
	require.Equal(t, packet.HSTYPE_CONCLUSION, first.HandshakeType)
	for range 3 {
		c.send(ask)
		require.Equal(t, first.SRTSocketId, c.answer().SRTSocketId)
	}
	got := <-conns
	require.Empty(t, conns)
	got.conn.HangUp(context.Canceled)
	got.wait(t)
}

// A caller that repeats its request, because it has not read the answer yet, is alive.
func TestARepeatedRequestKeepsTheConnection(t *testing.T) {
	cfg := config()
	clock := &ahead{Clock: cfg.Clock}
	cfg.Clock = clock
	l, conns := receiver(t, cfg, "")
	c := newRaw(t, l.Addr())
	c.send(induction(7))
	ask := request(conclusion(7, c.answer().SynCookie, mtuBytes))
	c.send(ask)
	c.answer()
	got := <-conns
	for range 5 {
		clock.by.Add(int64(idleTimeout / 2))
		c.send(ask)
		c.answer()
		require.Eventually(t, func() bool { return !got.conn.asks.Load() }, patience, time.Millisecond, "the connection takes note, or has ended")
	}
	select {
	case <-got.done:
		require.Fail(t, "the connection has ended", "%v", got.err)
	default:
	}
	clock.by.Add(int64(idleTimeout))
	got.wait(t)
	require.ErrorIs(t, got.err, ErrIdle)
}

// An acknowledgement of the peer is answered, though nothing was sent to it.
func TestAcknowledgementsAreAnswered(t *testing.T) {
	l, conns := receiver(t, config(), "")
	c := newRaw(t, l.Addr())
	c.send(induction(7))
	c.send(request(conclusion(7, c.answer().SynCookie, mtuBytes)))
	c.answer()
	got := <-conns
	ack := &packet.CIFACK{LastACKPacketSequenceNumber: circular.New(100, packet.MAX_SEQUENCENUMBER)}
	c.send(control(packet.CTRLTYPE_ACK, 0, 41, 0, got.conn.local, ack))
	require.NoError(t, c.SetReadDeadline(time.Now().Add(patience)))
	for b := make([]byte, 2000); ; {
		n, err := c.Read(b)
		require.NoError(t, err)
		p, err := packet.NewPacketFromData(nil, b[:n])
		require.NoError(t, err)
		if h := p.Header(); h.ControlType == packet.CTRLTYPE_ACKACK {
			require.EqualValues(t, 41, h.TypeSpecific)
			break
		}
	}
	got.conn.HangUp(context.Canceled)
	got.wait(t)
}

// The same acknowledgement is sent again when its answer does not come within the round-trip time.
func TestAcknowledgementsAreNotRepeatedAtOnce(t *testing.T) {
	var a acks
	require.False(t, a.waits(100, 0), "none was sent")
	a.ask(100, 0)
	require.True(t, a.waits(100, firstRTTUS-1))
	require.False(t, a.waits(100, firstRTTUS))
	require.False(t, a.waits(101, 1), "a packet has come")
	require.True(t, a.answered(a.newest, 1000)) // the round-trip time is 1000 µs, its variance 500
	require.True(t, a.known(100))
	a.ask(101, 2000)
	require.True(t, a.waits(101, 2000+2999))
	require.False(t, a.waits(101, 2000+3000))
}

// ahead is a clock that tests put forward.
type ahead struct {
	pipeline.Clock
	by atomic.Int64 // ns
}

func (c *ahead) Now() time.Time { return c.Clock.Now().Add(time.Duration(c.by.Load())) }

func TestHandshakesThatAreRejected(t *testing.T) {
	l, _ := receiver(t, config(), "")
	for name, c := range map[string]struct {
		change func(*packet.CIFHandshake)
		want   Reason
	}{
		"a tiny MTU":     {func(h *packet.CIFHandshake) { h.MaxTransmissionUnitSize = 10 }, RejectedRogue},
		"an old version": {func(h *packet.CIFHandshake) { h.SRTHS.SRTVersion = 0x010200 }, RejectedVersion},
		"of HSv4":        {func(h *packet.CIFHandshake) { h.Version, h.HasHS, h.HasSID = 4, false, false }, RejectedVersion},
		"a file":         {func(h *packet.CIFHandshake) { h.SRTHS.SRTFlags.STREAM = true }, RejectedMode},
		"of files":       {func(h *packet.CIFHandshake) { h.HasCongestionCtl, h.CongestionCtl = true, "file" }, RejectedCongestion},
		"no extension":   {func(h *packet.CIFHandshake) { h.HasHS = false }, RejectedRogue},
	} {
		t.Run(name, func(t *testing.T) {
			client := newRaw(t, l.Addr())
			client.send(induction(9))
			h := conclusion(9, client.answer().SynCookie, mtuBytes)
			c.change(h)
			client.send(request(h))
			reason, rejected := reasonOf(client.answer().HandshakeType)
			require.True(t, rejected)
			require.Equal(t, c.want, reason)
		})
	}
}

// The server keeps nothing of handshakes without a cookie, of wrong ones, and of garbage.
func TestAHandshakeFloodKeepsNothing(t *testing.T) {
	l, conns := receiver(t, config(), "")
	c := newRaw(t, l.Addr())
	go func() { // the answers must not fill the socket
		for b := make([]byte, 2000); ; {
			if _, err := c.Read(b); err != nil {
				return
			}
		}
	}()
	for i := range uint32(5_000) {
		c.send(induction(i))
		c.send(request(conclusion(i, i, mtuBytes)))
		c.send(bytes.Repeat([]byte{byte(i)}, int(i%1500)))
		ragged := request(conclusion(i, i, mtuBytes))
		c.send(ragged[:len(ragged)-int(i%9)])
	}
	got, err := dial(t, l.Addr(), nil)
	require.NoError(t, err)
	defer got.Close()
	first := <-conns
	l.mu.Lock()
	require.Len(t, l.callers, 1)
	require.Len(t, l.conns, 1)
	l.mu.Unlock()
	first.conn.HangUp(context.Canceled)
	first.wait(t)
}

func FuzzHandshake(f *testing.F) {
	f.Add(induction(1))
	f.Add(request(conclusion(1, 2, mtuBytes)))
	f.Add(append(request(conclusion(1, 2, mtuBytes)), 0, 0, 0)) // gosrt panics
	k := &call{CallConfig: CallConfig{Passphrase: "a passphrase"}}
	require.NoError(f, k.choose(4))
	h := conclusion(1, 2, mtuBytes)
	h.HasKM, h.SRTKM = true, k.km
	f.Add(request(h))
	f.Fuzz(func(t *testing.T, b []byte) {
		if _, ok := readHead(b); !ok {
			return
		}
		h, err := readHandshake(b)
		if err != nil {
			require.NotContains(t, err.Error(), "panic")
			return
		}
		r := &Request{of: &Listener{cfg: config()}, handshake: h}
		if h.unfit() == 0 {
			_, _ = r.open("a passphrase")
			require.LessOrEqual(t, len(r.StreamID()), MaxStreamIDBytes)
		}
	})
}

// Whatever a peer sends, its connection holds bounded data, and delivers packets in their order.
func FuzzConn(f *testing.F) {
	data := func(number, timestamp uint32, flags byte) []byte {
		b := make([]byte, 30)
		order.PutUint32(b, number)
		b[4] = flags
		b[7] = 1
		order.PutUint32(b[8:], timestamp)
		return b
	}
	f.Add(uint8(30), data(100, 0, 0xe0), data(101, 1000, 0xe0), data(99, 1<<31, 0))
	f.Add(uint8(1), data(1<<30, 1<<31-1, 0x18), control(packet.CTRLTYPE_ACKACK, 0, 1, 0, 1, nil), control(packet.CTRLTYPE_USER, packet.EXTTYPE_HSRSP, 0, 0, 1, extension(1, 1)))
	f.Add(uint8(2), control(packet.CTRLTYPE_SHUTDOWN, 0, 0, 0, 1, nil), control(packet.CTRLTYPE_NAK, 0, 0, 0, 1, nil), control(packet.CTRLTYPE_USER, packet.EXTTYPE_KMREQ, 0, 0, 1, nil))
	env := pipelinetest.Env()
	f.Fuzz(func(t *testing.T, steps uint8, a, b, c []byte) {
		cfg := config()
		cfg.Clock = env.Clock
		k := &call{CallConfig: CallConfig{Passphrase: "a passphrase"}}
		require.NoError(t, k.choose(2))
		for _, keys := range []*keys{nil, k.keys} {
			conn := newConn(cfg, netip.AddrPort{}, link{first: circular.New(100, packet.MAX_SEQUENCENUMBER), latency: cfg.Latency, keys: keys, at: env.Clock.Now()}, func([]byte) {}, func() {})
			delivered := uint64(0)
			deliver := func(p Packet) error { delivered++; return nil }
			pushed := uint64(0)
			for i := range int(steps) {
				for _, in := range [][]byte{a, b, c} {
					if _, ok := readHead(in); ok {
						d := datagrams.Get().(*datagram)
						d.size, d.at = copy(d.b[:], in), conn.zero.Add(time.Duration(i)*tick)
						conn.take(d)
						pushed++
					}
				}
				conn.work(zeroUS + int64(i)*tick.Microseconds())
				require.NoError(t, conn.hand(deliver))
			}
			conn.buffer.Tick(1 << 62)
			require.NoError(t, conn.hand(deliver))
			require.LessOrEqual(t, delivered, pushed)
			conn.hold(0)
		}
	})
}
