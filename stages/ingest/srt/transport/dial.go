package transport

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/datarhei/gosrt/circular"
	"github.com/datarhei/gosrt/packet"
)

// CallConfig is the configuration of a connection to a listener.
type CallConfig struct {
	Config
	StreamID   string        // at most MaxStreamIDBytes
	Passphrase string        // empty: not encrypted
	Timeout    time.Duration // of the handshake
	// Go runs a function on a goroutine of its own. stop ends its context and waits for it.
	Go func(name string, run func(context.Context) error) (stop func())
}

// MaxStreamIDBytes is the longest streamid.
const MaxStreamIDBytes = 512

// repeatEvery is how often a handshake without an answer is repeated.
const repeatEvery = 250 * time.Millisecond

// ErrSilent is the error of a listener that does not answer.
var ErrSilent = errors.New("it does not answer: no listener of SRT is there, or UDP does not get through")

// call is a connection to a listener that is being made.
type call struct {
	CallConfig
	socket *net.UDPConn
	remote netip.AddrPort
	number uint32          // of our socket
	first  circular.Number // packet number
	keys   *keys
	km     *packet.CIFKeyMaterialExtension
	zero   time.Time
	until  time.Time // of the handshake
}

// Dial connects to a listener, at host:port. The caller calls Conn.Run.
func Dial(ctx context.Context, address string, cfg CallConfig) (*Conn, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, "udp", address)
	if err != nil {
		return nil, err
	}
	socket := nc.(*net.UDPConn)
	_ = socket.SetReadBuffer(socketBytes)
	c := &call{
		CallConfig: cfg, socket: socket, remote: socket.RemoteAddr().(*net.UDPAddr).AddrPort(), number: newSocket(),
		first: circular.New(newSocket()>>1, packet.MAX_SEQUENCENUMBER), zero: cfg.Clock.Now(), until: time.Now().Add(cfg.Timeout),
	}
	stop := context.AfterFunc(ctx, func() { _ = socket.Close() })
	defer stop()
	conn, err := c.connect()
	if err != nil {
		_ = socket.Close()
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	return conn, nil
}

// connect performs the handshake (4.3.1), and begins to receive.
func (c *call) connect() (*Conn, error) {
	first, _, err := c.ask(&packet.CIFHandshake{
		Version: 4, ExtensionField: 2, InitialPacketSequenceNumber: c.first, MaxTransmissionUnitSize: mtuBytes, MaxFlowWindowSize: flowWindow,
		HandshakeType: packet.HSTYPE_INDUCTION, SRTSocketId: c.number,
	}, packet.HSTYPE_INDUCTION)
	if err != nil {
		return nil, err
	}
	if first.Version != 5 || first.ExtensionField != magic {
		return nil, errors.New("it is no listener of SRT 1.3 or later")
	}
	h := &packet.CIFHandshake{
		IsRequest: true, Version: 5, InitialPacketSequenceNumber: c.first, MaxTransmissionUnitSize: mtuBytes, MaxFlowWindowSize: flowWindow,
		HandshakeType: packet.HSTYPE_CONCLUSION, SRTSocketId: c.number, SynCookie: first.SynCookie,
		HasHS: true, SRTHS: extension(c.Latency, c.Latency), HasSID: c.StreamID != "", StreamId: c.StreamID,
	}
	if c.Passphrase != "" {
		if err := c.choose(first.EncryptionField); err != nil {
			return nil, err
		}
		h.HasKM, h.SRTKM = true, c.km
	}
	last, at, err := c.ask(h, packet.HSTYPE_CONCLUSION)
	if err != nil {
		return nil, err
	}
	return c.begin(last, at)
}

// begin begins the connection that a listener has accepted.
func (c *call) begin(h *handshake, at time.Time) (*Conn, error) {
	if reason := h.unfit(); reason != 0 {
		return nil, reason
	}
	if c.keys != nil && h.SRTKM == nil {
		return nil, RejectedEncryption
	}
	socket := c.socket
	conn := newConn(c.Config, c.remote, link{
		local: c.number, peer: h.SRTSocketId, first: h.InitialPacketSequenceNumber, latency: c.latency(h.SRTHS.SendTSBPDDelay), keys: c.keys,
		timestamp: h.timestamp, at: at,
	}, func(b []byte) { _, _ = socket.Write(b) }, nil)
	_ = socket.SetReadDeadline(time.Time{})
	stop := c.Go("srt call", func(context.Context) error { receiveFrom(socket, conn); return nil })
	conn.leave = func() { _ = socket.Close(); stop() }
	return conn, nil
}

// receiveFrom passes what arrives to the connection until the port is closed.
func receiveFrom(socket *net.UDPConn, conn *Conn) {
	for {
		d := datagrams.Get().(*datagram)
		n, err := socket.Read(d.b[:])
		if errors.Is(err, net.ErrClosed) {
			datagrams.Put(d)
			return
		}
		if err != nil { // the system reports that the peer's port is closed
			conn.HangUp(fmt.Errorf("%w: %w", ErrClosed, err))
		}
		d.at, d.size = conn.cfg.Clock.Now(), max(n, 0)
		if h, ok := readHead(d.b[:d.size]); ok && h.socket == conn.local && !h.handshake {
			conn.push(d)
			continue
		}
		datagrams.Put(d)
	}
}

// ask sends a handshake until the answer comes, and returns it with its time of arrival.
func (c *call) ask(h *packet.CIFHandshake, want packet.HandshakeType) (*handshake, time.Time, error) {
	var d datagram
	for time.Now().Before(c.until) {
		b := control(packet.CTRLTYPE_HANDSHAKE, 0, 0, uint32(c.Clock.Now().Sub(c.zero).Microseconds()), 0, h)
		if _, err := c.socket.Write(b); err != nil {
			return nil, time.Time{}, err
		}
		_ = c.socket.SetReadDeadline(time.Now().Add(repeatEvery))
		for {
			n, err := c.socket.Read(d.b[:])
			if errors.Is(err, os.ErrDeadlineExceeded) {
				break
			}
			if err != nil {
				return nil, time.Time{}, err
			}
			at := c.Clock.Now()
			head, ok := readHead(d.b[:n])
			if !ok || !head.handshake || head.socket != 0 && head.socket != c.number {
				continue
			}
			answer, err := readHandshake(d.b[:n])
			if err != nil {
				return nil, time.Time{}, err
			}
			if reason, rejected := reasonOf(answer.HandshakeType); rejected {
				return nil, time.Time{}, reason
			}
			if answer.HandshakeType == want {
				return answer, at, nil
			}
		}
	}
	return nil, time.Time{}, ErrSilent
}
