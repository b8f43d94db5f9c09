package rtsp

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/bluenviron/gortsplib/v5"
	"github.com/bluenviron/gortsplib/v5/pkg/base"
	"github.com/bluenviron/gortsplib/v5/pkg/description"
	"github.com/bluenviron/gortsplib/v5/pkg/headers"
	"github.com/bluenviron/gortsplib/v5/pkg/liberrors"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/hub"
)

func init() {
	hub.RegisterScheme("rtsp", newPuller)
	hub.RegisterScheme("rtsps", newPuller)
}

// puller plays a URL. Media comes over TCP unless that is refused or UDP is asked
// for: a recording wants every packet more than it wants them early.
type puller struct {
	hub.PullOptions
	url    *base.URL
	secret []string // what no error or log line may show
}

// newPuller checks the URL. It does no I/O.
func newPuller(o hub.PullOptions) (hub.Puller, error) {
	switch o.Transport {
	case "", "auto", "tcp", "udp":
	default:
		return nil, fmt.Errorf("transport %q: write tcp, udp or auto", o.Transport)
	}
	if o.Transport == "udp" && o.URL.Scheme == "rtsps" {
		return nil, errors.New("transport udp: rtsps carries media over tcp")
	}
	if o.URL.Hostname() == "" {
		return nil, fmt.Errorf("pull URL %s has no host", o.URL.Redacted())
	}
	if o.Clock == nil {
		o.Clock = pipeline.SystemClock
	}
	u := base.URL(*o.URL)
	return &puller{PullOptions: o, url: &u, secret: secrets(o.URL)}, nil
}

// Pull plays until the server ends, fails or the context does.
func (p *puller) Pull(ctx context.Context, publish func(string) (*hub.Publisher, error)) error {
	protocol := gortsplib.ProtocolTCP
	if p.Transport == "udp" {
		protocol = gortsplib.ProtocolUDP
	}
	err := p.play(ctx, protocol, publish)
	if refused(err) && (p.Transport == "" || p.Transport == "auto") && p.URL.Scheme == "rtsp" {
		p.Log.Info("server refuses media over TCP: trying UDP", "url", p.URL.Redacted())
		err = p.play(ctx, gortsplib.ProtocolUDP, publish)
	}
	return p.redact(err)
}

func refused(err error) bool {
	var status liberrors.ErrClientBadStatusCode
	return errors.As(err, &status) && status.Code == base.StatusUnsupportedTransport
}

// play is one connection. What is published is flushed when it returns.
func (p *puller) play(ctx context.Context, protocol gortsplib.Protocol, publish func(string) (*hub.Publisher, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var live atomic.Pointer[session]
	c := p.client(protocol)
	c.OnDecodeError = func(error) {
		if s := live.Load(); s != nil {
			s.malformed()
		}
	}
	if err := c.Start(); err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, c.Close)()
	s, err := p.begin(c, publish, cancel, &live)
	if s != nil {
		defer s.finish()
		defer c.Close() // first: no packet comes after it
	}
	if err != nil {
		return err
	}
	if err := c.Wait(); err != nil && ctx.Err() == nil {
		return err
	}
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return errors.New("the server ended the stream")
}

// begin asks for the tracks that can be recorded and starts them.
func (p *puller) begin(c *gortsplib.Client, publish func(string) (*hub.Publisher, error), hangUp func(), live *atomic.Pointer[session]) (*session, error) {
	desc, res, err := c.Describe(p.url)
	if err != nil {
		return nil, fmt.Errorf("DESCRIBE: %w", err)
	}
	take, leave := offers(desc, res.Body)
	if len(take) == 0 {
		return nil, fmt.Errorf("none of the stream's codecs can be recorded: %s; %s", strings.Join(leave, ", "), recordable)
	}
	for _, o := range take {
		if _, err := c.Setup(desc.BaseURL, o.media, 0, 0); err != nil {
			return nil, fmt.Errorf("SETUP %s: %w", codecName(o.format), err)
		}
	}
	pub, err := publish("pull " + p.URL.Redacted())
	if err != nil {
		return nil, err
	}
	s := newSession(p.Log, p.Clock)
	if err := s.begin(pub, take, leave); err != nil {
		return nil, err
	}
	s.hangUp = hangUp
	live.Store(s)
	s.listen(c)
	played, err := c.Play(nil)
	if err != nil {
		return s, fmt.Errorf("PLAY: %w", err)
	}
	s.info(played.Header["RTP-Info"], desc)
	return s, nil
}

func (p *puller) client(protocol gortsplib.Protocol) *gortsplib.Client {
	c := &gortsplib.Client{
		Scheme: p.url.Scheme, Host: p.url.Host, Protocol: &protocol, UserAgent: "spool", ReadTimeout: p.ReadTimeout,
		DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
			nc, err := (&net.Dialer{}).DialContext(ctx, network, address)
			if err != nil {
				return nil, err
			}
			return newConn(nc, nil), nil
		},
		ListenPacket:      listenPacket,
		OnResponse:        p.makeReadable,
		OnPacketsLost:     func(uint64) {}, // package ingest counts by track
		OnTransportSwitch: func(error) {},
	}
	if p.url.Scheme == "rtsps" {
		c.TLSConfig = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	return c
}

// makeReadable does for a server's description what the handler does for a
// publisher's.
func (p *puller) makeReadable(r *base.Response) {
	if len(r.Body) == 0 || !isDescription(r.Header, r.Body) {
		return
	}
	body, err := readable(r.Body)
	if err != nil {
		p.Log.Warn("the server's session description cannot be read", "url", p.URL.Redacted(), "error", err)
	}
	r.Header["Content-Type"], r.Body = base.HeaderValue{"application/sdp"}, body
}

// info takes RTP-Info, in which the tracks are named by their URLs.
func (s *session) info(v base.HeaderValue, desc *description.Session) {
	var list headers.RTPInfo
	if list.Unmarshal(v) != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.tracks {
		t := &s.tracks[i]
		u, err := t.media.URL(desc.BaseURL)
		if err != nil {
			continue
		}
		for _, e := range list {
			if e.Timestamp != nil && sameTrack(e.URL, u) {
				t.rtp.Info(*e.Timestamp)
			}
		}
	}
}

// sameTrack compares the URL of an RTP-Info entry, which may be relative, with a
// track's.
func sameTrack(entry string, track *base.URL) bool {
	want := (&base.URL{Scheme: track.Scheme, Host: track.Host, Path: track.Path, RawQuery: track.RawQuery}).String()
	return entry != "" && strings.HasSuffix(strings.TrimRight(want, "/"), strings.TrimRight(entry, "/"))
}

// secrets are the forms in which a URL's password may show.
func secrets(u *url.URL) []string {
	pass, ok := u.User.Password()
	if !ok || pass == "" {
		return nil
	}
	_, escaped, _ := strings.Cut(u.User.String(), ":")
	return []string{u.User.String(), url.QueryEscape(pass), url.PathEscape(pass), escaped, pass}
}

// redact takes the password out of an error's text, wherever it came from.
func (p *puller) redact(err error) error {
	if err == nil {
		return nil
	}
	text := err.Error()
	clean := text
	for _, secret := range p.secret {
		clean = strings.ReplaceAll(clean, secret, "xxxxx")
	}
	if clean == text {
		return err
	}
	return errors.New(clean)
}
