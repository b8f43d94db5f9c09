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

// Options describe a session.
type Options struct {
	URL          *url.URL // rtsp or rtsps; a server gets its credentials only on request
	UDP          bool     // media over UDP instead of the connection
	OtherWay     bool     // the caller can try another transport: a lack of all media is an early error
	TLS          *tls.Config
	ReadTimeout  time.Duration // of a server that sends no data (DefaultTimeout)
	WriteTimeout time.Duration // (DefaultTimeout)
	Log          *slog.Logger
	Malformed    func() // counts an unreadable packet; any goroutine may call it

	Dial         func(ctx context.Context, network, address string) (net.Conn, error)
	ListenPacket func(network, address string) (net.PacketConn, error)
	// Go runs a function on a goroutine of its own; stop waits until it has returned.
	Go func(name string, run func(context.Context) error) (stop func())
}

// Client is one session with a server.
type Client struct {
	Options
	ctx    context.Context
	unhook func() bool
	connMu sync.Mutex // guards nc against interrupt
	nc     net.Conn   // nil: the server closed it while media arrives over UDP
	in     *reader
	msg    message

	localIP, remoteIP netip.Addr

	asked       string // the URL, as it is sent
	base        string // the beginning of the tracks' addresses
	description []byte
	session     string
	timeout     time.Duration // of the session, by the server
	credentials *credentials
	cseq        int
	ssrc        uint32 // of the client's reports
	pending     []pending
	methods     map[string]bool // of the Public header; nil: none sent
	refused     map[string]bool // as a keep-alive
	resent      bool            // the keep-alive, for a new nonce

	tracks      []*track
	channels    [256]channel
	setups      int
	early       []earlyFrame // before the answer to PLAY
	heldBytes   int          // bytes of early
	strayLogged [256]bool    // channels without a track that have been logged

	playing bool
	closing bool
	broken  bool // no request can be sent any more
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

// Describe returns the description of the stream, as the server sent it.
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

// Close ends the session: it sends TEARDOWN, waits for the answer for a second at most, and returns after the last
// callback.
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
