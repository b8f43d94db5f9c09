package transport

import (
	"errors"
	"net/netip"
	"time"

	"github.com/datarhei/gosrt/packet"
)

// Request is the request of a caller to connect. Its methods are called by one goroutine.
type Request struct {
	of   *Listener
	from caller
	*handshake
	at time.Time // of arrival

	// Listener.mu guards the fields below.
	answer []byte // the datagram that accepted it; nil: not yet
	conn   *Conn
}

// Remote returns the address of the caller. It has proven that it receives there.
func (r *Request) Remote() netip.AddrPort { return r.from.addr }

// StreamID returns the streamid as the caller sent it, at most 512 bytes.
func (r *Request) StreamID() string { return r.StreamId }

// Encrypted reports whether the caller has a passphrase.
func (r *Request) Encrypted() bool { return r.SRTKM != nil }

// version130 is the first version with the handshake of today (HSv5).
const version130 = 0x010300

// unfit returns the reason why no connection by a handshake is possible; 0: it is.
func (h *handshake) unfit() Reason {
	switch {
	case h.Version != 5:
		return RejectedVersion
	case h.SRTHS == nil:
		return RejectedRogue
	case h.SRTHS.SRTVersion < version130:
		return RejectedVersion
	case h.SRTHS.SRTFlags.STREAM:
		return RejectedMode
	case h.HasCongestionCtl && h.CongestionCtl != "live":
		return RejectedCongestion
	case h.MaxTransmissionUnitSize < minMTUBytes:
		return RejectedRogue
	}
	return 0
}

// Reject refuses the request.
func (r *Request) Reject(why Reason) {
	r.of.forget(r)
	h := r.plain()
	h.HandshakeType = packet.HandshakeType(reasonsBegin + why)
	r.of.answer(r.from.addr, r.from.socket, h)
}

// plain returns the handshake without extensions.
func (r *Request) plain() *packet.CIFHandshake {
	h := r.CIFHandshake
	h.HasHS, h.HasKM, h.HasSID, h.HasCongestionCtl, h.SynCookie = false, false, false, false, 0
	h.MaxTransmissionUnitSize, h.MaxFlowWindowSize = min(h.MaxTransmissionUnitSize, mtuBytes), flowWindow
	h.PeerIP.FromNetIP(r.from.addr.Addr().AsSlice())
	return &h
}

// The errors of Accept. The request is rejected then.
var (
	ErrPassphrase = errors.New("the passphrase is wrong")
	ErrPlain      = errors.New("it has no passphrase, and one is required")
	ErrEncrypted  = errors.New("it has a passphrase, and none is set here")
	ErrKeyLength  = errors.New("its key is too short")
	ErrCipher     = errors.New("its cipher is not AES-CTR")
)

// Accept accepts the request. passphrase is that of the stream; empty: it is not encrypted. The caller calls Conn.Run.
func (r *Request) Accept(passphrase string) (*Conn, error) {
	k, err := r.open(passphrase)
	switch {
	case errors.Is(err, ErrPassphrase):
		r.Reject(RejectedPassphrase)
		return nil, err
	case err != nil:
		r.Reject(RejectedEncryption)
		return nil, err
	}
	c := r.connect(k)
	return c, nil
}

// open returns the keys of the caller; nil: the connection is not encrypted.
func (r *Request) open(passphrase string) (*keys, error) {
	switch {
	case !r.Encrypted() && passphrase == "":
		return nil, nil
	case !r.Encrypted():
		return nil, ErrPlain
	case passphrase == "":
		return nil, ErrEncrypted
	case int(r.SRTKM.KLen) < r.of.cfg.KeyLength:
		return nil, ErrKeyLength
	}
	k, err := newKeys(r.SRTKM, passphrase)
	switch {
	case errors.Is(err, errCipher):
		return nil, ErrCipher
	case err != nil:
		return nil, ErrPassphrase
	}
	return k, nil
}

// connect makes the connection and answers the request.
func (r *Request) connect(k *keys) *Conn {
	conn, answer := r.register(k)
	r.of.write(answer, r.from.addr)
	return conn
}

// register makes the connection, and returns it with the answer to the request.
func (r *Request) register(k *keys) (*Conn, []byte) {
	l := r.of
	h := r.plain()
	asked := r.SRTHS
	latency := l.cfg.latency(asked.SendTSBPDDelay)
	h.HasHS, h.SRTHS = true, extension(latency, time.Duration(asked.RecvTSBPDDelay)*time.Millisecond)
	h.HasKM = k != nil
	for {
		h.SRTSocketId = newSocket()
		conn := newConn(l.cfg, r.from.addr, link{
			local: h.SRTSocketId, peer: r.from.socket, first: r.InitialPacketSequenceNumber, latency: latency, keys: k, timestamp: r.timestamp, at: r.at,
		}, func(b []byte) { l.write(b, r.from.addr) }, func() { l.forget(r) })
		answer := l.handshake(r.from.socket, h)
		l.mu.Lock()
		free := l.conns[conn.local] == nil
		if free {
			l.conns[conn.local], r.conn, r.answer = conn, conn, answer
		}
		l.mu.Unlock()
		if free {
			return conn, answer
		}
	}
}

// latency returns the latency of a connection whose peer asks for a latency in ms.
func (c *Config) latency(askedMS uint16) time.Duration {
	return max(c.Latency, min(time.Duration(askedMS)*time.Millisecond, c.MaxLatency))
}

// srtVersion is the version that is named to peers.
const srtVersion = 0x010500

// extension returns the extension of a handshake with the latencies of both directions (3.2.1.1).
func extension(receive, send time.Duration) *packet.CIFHandshakeExtension {
	return &packet.CIFHandshakeExtension{
		SRTVersion: srtVersion,
		SRTFlags: packet.CIFHandshakeExtensionFlags{
			TSBPDSND: true, TSBPDRCV: true, CRYPT: true, TLPKTDROP: true, PERIODICNAK: true, REXMITFLG: true,
		},
		RecvTSBPDDelay: uint16(receive.Milliseconds()), SendTSBPDDelay: uint16(send.Milliseconds()),
	}
}
