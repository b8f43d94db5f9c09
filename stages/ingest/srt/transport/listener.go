package transport

import (
	"context"
	"crypto/rand"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	srtnet "github.com/datarhei/gosrt/net"
	"github.com/datarhei/gosrt/packet"

	"github.com/gospool/spool/pipeline"
)

// Listener receives connections of callers at a UDP port.
type Listener struct {
	cfg    Config
	socket *net.UDPConn
	cookie *srtnet.SYNCookie
	zero   time.Time

	// mu guards the fields below. Nothing is sent while it is held: the connections take turns at the socket, and Serve would
	// wait for all of them.
	mu      sync.Mutex
	conns   map[uint32]*Conn
	callers map[caller]*Request
}

// caller identifies a caller's connection.
type caller struct {
	addr   netip.AddrPort
	socket uint32
}

// socketBytes is the receive buffer that the system is asked for: all connections share that of a listener.
const socketBytes = 8 << 20

// Listen opens a UDP port. address is host:port.
func Listen(address string, cfg Config) (*Listener, error) {
	addr, err := net.ResolveUDPAddr("udp", address)
	if err != nil {
		return nil, err
	}
	socket, err := net.ListenUDP("udp", addr)
	if err != nil {
		return nil, err
	}
	_ = socket.SetReadBuffer(socketBytes) // the system may allow less
	cookie, err := srtnet.NewSYNCookie(socket.LocalAddr().String(), nil)
	if err != nil {
		_ = socket.Close()
		return nil, err
	}
	return &Listener{cfg: cfg, socket: socket, cookie: cookie, zero: cfg.Clock.Now(), conns: map[uint32]*Conn{}, callers: map[caller]*Request{}}, nil
}

// Addr returns the address of the port.
func (l *Listener) Addr() net.Addr { return l.socket.LocalAddr() }

// Close closes the port. Serve returns. Connections that run end when nothing arrives any more.
func (l *Listener) Close() error { return l.socket.Close() }

// Serve receives until the port is closed. It calls accept for each caller that has proven its address. accept must not
// block; it, or a goroutine that it starts, calls Accept or Reject of the request.
func (l *Listener) Serve(ctx context.Context, accept func(*Request)) error {
	for {
		d := datagrams.Get().(*datagram)
		n, from, err := l.socket.ReadFromUDPAddrPort(d.b[:])
		if err != nil {
			datagrams.Put(d)
			if errors.Is(err, net.ErrClosed) {
				return nil
			}
			if !pipeline.Sleep(ctx, l.cfg.Clock, tick, nil) { // for example a report of ICMP
				return nil
			}
			continue
		}
		d.at, d.size = l.cfg.Clock.Now(), n
		l.route(d, netip.AddrPortFrom(from.Addr().Unmap(), from.Port()), accept)
	}
}

// route passes a datagram to its connection, or handles a handshake.
func (l *Listener) route(d *datagram, from netip.AddrPort, accept func(*Request)) {
	h, ok := readHead(d.b[:d.size])
	if ok && h.socket != 0 {
		l.mu.Lock()
		c := l.conns[h.socket]
		l.mu.Unlock()
		if c != nil && c.remote == from {
			c.push(d)
			return
		}
	}
	if ok && h.socket == 0 && h.handshake {
		l.greet(d, from, accept)
	}
	datagrams.Put(d)
}

// greet handles a handshake (4.3.1). The first is answered with a cookie, and nothing of it is kept. The second, with the
// cookie, proves that the caller receives at its address, and is a request.
func (l *Listener) greet(d *datagram, from netip.AddrPort, accept func(*Request)) {
	if d.size < headerBytes+handshakeBytes {
		return
	}
	b := d.b[headerBytes:d.size]
	kind, socket, cookie := packet.HandshakeType(order.Uint32(b[20:])), order.Uint32(b[24:]), order.Uint32(b[28:])
	switch {
	case kind == packet.HSTYPE_INDUCTION:
		l.induct(d, from)
	case kind == packet.HSTYPE_CONCLUSION && l.cookie.Verify(cookie, from.String()):
		r := l.request(caller{from, socket})
		if r == nil {
			return // it is known, and was answered again
		}
		h, err := readHandshake(d.b[:d.size])
		if err != nil {
			l.forget(r)
			return
		}
		r.handshake, r.at = h, d.at
		if reason := h.unfit(); reason != 0 {
			r.Reject(reason)
			return
		}
		accept(r)
	}
}

// fieldOfKeyLength is the encryption field of a handshake for a length of the key, in bytes.
func fieldOfKeyLength(bytes int) uint16 { return uint16(bytes / 8) }

// magic is the extension field of a listener that knows SRT's extensions (3.2.1).
const magic = 0x4A17

// flowWindow is the number of packets that the peer may send without an acknowledgement.
const flowWindow = 8192

func (l *Listener) induct(d *datagram, from netip.AddrPort) {
	h, err := readHandshake(d.b[:d.size])
	if err != nil {
		return
	}
	h.Version, h.EncryptionField, h.ExtensionField = 5, fieldOfKeyLength(l.cfg.KeyLength), magic
	h.SynCookie = l.cookie.Get(from.String())
	h.PeerIP.FromNetIP(from.Addr().AsSlice())
	l.answer(from, h.SRTSocketId, &h.CIFHandshake)
}

// answer sends a handshake.
func (l *Listener) answer(to netip.AddrPort, socket uint32, h *packet.CIFHandshake) {
	l.write(l.handshake(socket, h), to)
}

// handshake returns the datagram of a handshake.
func (l *Listener) handshake(socket uint32, h *packet.CIFHandshake) []byte {
	return control(packet.CTRLTYPE_HANDSHAKE, 0, 0, uint32(l.cfg.Clock.Now().Sub(l.zero).Microseconds()), socket, h)
}

func (l *Listener) write(b []byte, to netip.AddrPort) {
	_, _ = l.socket.WriteToUDPAddrPort(b, to) // what the network loses is sent again
}

// request returns a new request of a caller. If there is one it answers it again, once it has been answered, and returns nil:
// the answer may be lost, or the peer be too busy to read it, and then it sends nothing else that shows that it is alive.
func (l *Listener) request(from caller) *Request {
	l.mu.Lock()
	r := l.callers[from]
	if r == nil {
		defer l.mu.Unlock()
		r = &Request{of: l, from: from}
		l.callers[from] = r
		return r
	}
	conn, answer := r.conn, r.answer
	l.mu.Unlock()
	if answer != nil {
		conn.asks.Store(true)
		l.write(answer, from.addr)
	}
	return nil
}

func (l *Listener) forget(r *Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.callers, r.from)
	if r.conn != nil {
		delete(l.conns, r.conn.local)
	}
}

// newSocket returns a random socket number.
func newSocket() uint32 {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return order.Uint32(b[:])&(1<<30-1) | 1
}
