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

// Options say what is played, and how.
type Options struct {
	URL          *url.URL // rtsp or rtsps; its credentials are told when the server asks
	UDP          bool     // media over UDP, else over the connection
	OtherWay     bool     // the caller can play another way: media that does not come at all is an early error
	TLS          *tls.Config
	ReadTimeout  time.Duration // of a server that sends nothing (DefaultTimeout)
	WriteTimeout time.Duration // (DefaultTimeout)
	Log          *slog.Logger
	Malformed    func() // counts a packet that could not be read; may be called by any goroutine

	Dial         func(ctx context.Context, network, address string) (net.Conn, error)
	ListenPacket func(network, address string) (net.PacketConn, error)
	// Go runs a function on a goroutine of its own; stop waits until it returned.
	Go func(name string, run func(context.Context) error) (stop func())
}

// Client is one session with a server.
type Client struct {
	Options
	ctx    context.Context
	unhook func() bool
	connMu sync.Mutex // guards nc against interrupt
	nc     net.Conn   // nil: hung up by the server, while media comes over UDP
	in     *reader
	msg    message

	localIP, remoteIP netip.Addr

	asked       string // the URL, as it is sent
	base        string // what the tracks' addresses begin with
	description []byte
	session     string
	timeout     time.Duration // of the session, as the server says
	credentials *credentials
	cseq        int
	ssrc        uint32 // of our reports
	pending     []pending
	methods     map[string]bool // of the Public header; nil: not said
	refused     map[string]bool // as a keep-alive
	resent      bool            // the keep-alive, for a new nonce

	tracks   []*track
	channels [256]channel
	setups   int
	early    []earlyFrame // before PLAY was answered
	held     int          // bytes of early
	told     [256]bool    // that a channel belongs to no track

	playing bool
	closing bool
	broken  bool // nothing can be sent any more
	schedule
}

// Dial connects. Until Close, the end of ctx ends every wait.
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

// interrupt ends a wait for the server.
func (c *Client) interrupt() {
	c.connMu.Lock()
	defer c.connMu.Unlock()
	if c.nc != nil {
		_ = c.nc.SetReadDeadline(time.Unix(1, 0))
		_ = c.nc.SetWriteDeadline(time.Now().Add(teardownTime))
	}
}

// Describe gives the description of the stream, as it was sent.
func (c *Client) Describe() ([]byte, error) {
	if err := c.options(); err != nil {
		return nil, err
	}
	res, err := c.do("DESCRIBE", c.asked, "Accept: application/sdp")
	if err != nil {
		return nil, err
	}
	if len(res.header["content-length"]) == 0 {
		res.body = c.readEndless()
	}
	if !isDescription(res.body) {
		return nil, fmt.Errorf("DESCRIBE: the answer is no session description but %d bytes of %.40q", len(res.body), res.header.get("content-type"))
	}
	c.base, c.description = baseURL(c.asked, res.header, res.body), res.body
	return res.body, nil
}

// Close ends the session: it says TEARDOWN, for which it waits a second at most, and
// waits until no callback is called any more.
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
