package client

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"net/netip"
	"net/url"
	"sync"
	"time"
)

// Options are the parameters of Dial.
type Options struct {
	URL *url.URL // rtsp or rtsps; the server gets the credentials only after a challenge
	UDP bool     // media arrives over UDP instead of the connection
	// OtherWay reports that the caller can try another transport: Run then returns ErrNoMedia if no media at all
	// arrives within ReadTimeout.
	OtherWay     bool
	TLS          *tls.Config   // for rtsps
	ReadTimeout  time.Duration // longest silence of the server; 0: DefaultTimeout
	WriteTimeout time.Duration // longest duration of a write; 0: DefaultTimeout
	Log          *slog.Logger
	Malformed    func() // called, on any goroutine, for each unreadable packet and each run of bytes that are no message
	// DroppedEarly gets the number of packets that arrived before Run and were dropped, because they exceeded 4 MiB. Run
	// calls it if there are any.
	DroppedEarly func(packets uint64)

	// Dial connects over TCP, and ListenPacket binds a UDP port.
	Dial         func(ctx context.Context, network, address string) (net.Conn, error)
	ListenPacket func(network, address string) (net.PacketConn, error)
	// Go runs a function on a goroutine of its own; stop waits until it has returned.
	Go func(name string, run func(context.Context) error) (stop func())
}

// Client is one session with a server.
type Client struct {
	Options
	ctx    context.Context
	unhook func() bool // removes the call of interrupt at the end of ctx
	connMu sync.Mutex  // guards nc: interrupt runs on another goroutine
	nc     net.Conn    // nil: closed; media may still arrive over UDP
	in     *reader
	msg    message

	localIP, remoteIP netip.Addr

	asked       string // the URL without credentials, as sent
	base        string // URL of the session, with which the URLs of its tracks begin
	description []byte
	session     string
	timeout     time.Duration // after which the server ends a session without requests; 0: it announced none
	credentials *credentials
	cseq        int
	ssrc        uint32          // of the client's receiver reports
	pending     []pending       // requests without an answer, the oldest first
	methods     map[string]bool // methods in the Public header of the server; nil: it sent none
	refused     map[string]bool // methods that the server has refused as keep-alive
	resent      bool            // the newest keep-alive was sent again with a new nonce

	tracks       []*track
	channels     [256]channel
	setups       int
	early        []earlyFrame // frames that arrived before Run
	heldBytes    int          // memory of early, and of the frames that were dropped
	droppedEarly uint64       // number of frames that were dropped before Run
	strayLogged  [256]bool    // by channel: a packet without a track has been logged

	playing bool // Run was called
	closing bool
	broken  bool // the connection has failed: no request can be sent
	schedule
}

// Dial connects to the server of o.URL, with TLS for rtsps. The end of ctx ends Dial and every later wait of the
// client. The caller must call Close.
func Dial(ctx context.Context, o Options) (*Client, error) {
	for _, t := range []*time.Duration{&o.ReadTimeout, &o.WriteTimeout} {
		if *t <= 0 {
			*t = DefaultTimeout
		}
	}
	c := &Client{Options: o, ctx: ctx, asked: wire(o.URL), credentials: credentialsOf(o.URL.User), ssrc: rand.Uint32()}
	c.base = c.asked
	if err := c.connect(); err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	c.in = newReader(patient{c}, c.known, c.Malformed)
	c.unhook = context.AfterFunc(ctx, c.interrupt)
	return c, nil
}

func (c *Client) connect() error {
	ctx, cancel := context.WithTimeout(c.ctx, max(c.ReadTimeout, DefaultTimeout))
	defer cancel()
	nc, err := c.Options.Dial(ctx, "tcp", address(c.URL))
	if err != nil {
		return err
	}
	c.localIP, c.remoteIP = ipOf(nc.LocalAddr()), ipOf(nc.RemoteAddr())
	if c.URL.Scheme == "rtsps" {
		secured := tls.Client(nc, c.TLS)
		if err := secured.HandshakeContext(ctx); err != nil {
			_ = nc.Close()
			return err
		}
		nc = secured
	}
	c.connMu.Lock()
	defer c.connMu.Unlock()
	c.nc, c.armed, c.broken = nc, time.Time{}, false
	return nil
}

func ipOf(a net.Addr) netip.Addr {
	ap, _ := netip.ParseAddrPort(a.String())
	return ap.Addr().Unmap()
}

// interrupt, called at the end of ctx, ends the current read. Writes may take teardownTime, so that Close can still
// send TEARDOWN.
func (c *Client) interrupt() {
	c.connMu.Lock()
	defer c.connMu.Unlock()
	if c.nc != nil {
		_ = c.nc.SetReadDeadline(time.Unix(1, 0))
		_ = c.nc.SetWriteDeadline(time.Now().Add(teardownTime))
	}
}

// Describe sends OPTIONS and DESCRIBE, and returns the session description unchanged. If the server redirects the
// client, and the client may follow, the error is a *Redirect.
func (c *Client) Describe() ([]byte, error) {
	if err := c.options(); err != nil {
		return nil, err
	}
	res, err := c.do("DESCRIBE", c.asked, "Accept: application/sdp")
	if err != nil {
		return nil, err
	}
	if len(res.header["content-length"]) == 0 {
		if res.body, err = c.readEndless(); err != nil {
			return nil, fmt.Errorf("DESCRIBE: %w", err)
		}
	}
	if !isDescription(res.body) {
		return nil, fmt.Errorf("DESCRIBE: the answer is no session description but %d bytes of %.40q", len(res.body), res.header.get("content-type"))
	}
	c.base, c.description = baseURL(c.asked, res.header, res.body), res.body
	return res.body, nil
}

// Close ends the session: it sends TEARDOWN, waits one second at most for the answer, and closes the connection and all
// ports. No callback runs after Close has returned.
func (c *Client) Close() {
	c.unhook()
	c.playing, c.closing = false, true
	if c.session != "" && c.nc != nil && !c.broken {
		c.teardown()
	}
	c.hangUp()
	for _, t := range c.tracks {
		t.udp.close()
	}
}

func (c *Client) hangUp() {
	c.connMu.Lock()
	defer c.connMu.Unlock()
	if c.nc != nil {
		_ = c.nc.Close()
		c.nc = nil
	}
}

func (c *Client) teardown() {
	end := time.Now().Add(teardownTime)
	c.answerBy, c.stopBy = end, end
	_ = c.nc.SetWriteDeadline(end)
	_, _ = c.do("TEARDOWN", c.base)
}
