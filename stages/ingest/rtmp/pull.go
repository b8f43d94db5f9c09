package rtmp

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/certificate"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/redact"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/rtmp/wire"
)

func init() {
	hub.RegisterScheme("rtmp", newPuller)
	hub.RegisterScheme("rtmps", newPuller)
}

// puller plays the URL of a pulled stream.
type puller struct {
	hub.PullOptions
	pinned []byte // SHA-256 of the only accepted certificate; nil: any certificate that the system trusts
	secret redact.Texts
}

// newPuller makes the puller of a URL. It returns an error for invalid or contradictory options. It does no I/O.
func newPuller(o hub.PullOptions) (hub.Puller, error) {
	secure := o.URL.Scheme == "rtmps"
	switch o.Transport {
	case "", "auto", "tcp":
	default:
		return nil, fmt.Errorf("transport %q: RTMP comes over tcp", o.Transport)
	}
	switch {
	case o.URL.Hostname() == "":
		return nil, errors.New("the pull URL has no host")
	case strings.Trim(o.URL.Path, "/") == "":
		return nil, errors.New("the pull URL names no stream: write rtmp://host/app/key")
	case o.Fingerprint != "" && !secure:
		return nil, errors.New("tls.fingerprint is for rtmps URLs")
	}
	if o.Clock == nil {
		o.Clock = pipeline.SystemClock
	}
	p := &puller{PullOptions: o, secret: append(redact.Of(o.URL), secretsOf(o.URL)...)}
	if o.Log != nil && p.secret != nil {
		p.Log = slog.New(redact.Log{Handler: o.Log.Handler(), Secret: p.secret})
	}
	if o.Fingerprint == "" {
		return p, nil
	}
	var err error
	p.pinned, err = certificate.ReadFingerprint(o.Fingerprint)
	return p, err
}

// secretsOf returns the values in the query of a URL: servers take passwords and keys there.
func secretsOf(u *url.URL) (all redact.Texts) {
	for item := range strings.FieldsFuncSeq(u.RawQuery, func(r rune) bool { return r == '&' || r == '?' }) {
		_, value, _ := strings.Cut(item, "=")
		if plain, err := url.QueryUnescape(value); err == nil && plain != "" && plain != value {
			all = append(all, plain)
		}
		if value != "" {
			all = append(all, value)
		}
	}
	return all
}

// Pull plays the URL, and publishes its stream, until the server ends the stream, the connection fails or ctx ends. It
// returns the reason as an error without the password.
func (p *puller) Pull(ctx context.Context, publish func(string) (*hub.Publisher, error)) error {
	login := wire.Login{User: p.URL.User.Username()}
	login.Password, _ = p.URL.User.Password()
	for {
		err := p.play(ctx, login.Query(), publish)
		if ctx.Err() == nil && login.Again(err) {
			continue
		}
		return p.secret.Error(err)
	}
}

// place divides the path of the URL: its last segment, with the query of the URL, is the key of the stream, and what is
// before it is the app. server is the URL up to the app.
func (p *puller) place(login string) (server, app, key string) {
	app, key = strings.Trim(p.URL.Path, "/"), ""
	if at := strings.LastIndexByte(app, '/'); at >= 0 {
		app, key = app[:at], app[at+1:]
	}
	if p.URL.RawQuery != "" {
		key += "?" + p.URL.RawQuery
	}
	app += login
	return p.URL.Scheme + "://" + p.URL.Host + "/" + app, app, key
}

// The ports of the schemes. That of RTMPS is what most servers have.
const (
	plainPort = "1935"
	tlsPort   = "443"
)

// dial connects to the server.
func (p *puller) dial(ctx context.Context) (*socket, error) {
	port := plainPort
	if p.URL.Scheme == "rtmps" {
		port = tlsPort
	}
	d := net.Dialer{Timeout: p.timeout()}
	nc, err := d.DialContext(ctx, "tcp", net.JoinHostPort(p.URL.Hostname(), cmp.Or(p.URL.Port(), port)))
	if err != nil {
		return nil, err
	}
	k := newSocket(nc, p.timeout())
	if p.URL.Scheme != "rtmps" {
		return k, nil
	}
	t := tls.Client(k.Conn, certificate.ClientConfig(p.URL.Hostname(), p.pinned))
	k.Conn = t
	handshake, cancel := context.WithTimeout(ctx, p.timeout())
	defer cancel()
	if err := t.HandshakeContext(handshake); err != nil {
		k.cut()
		return nil, certificate.Explain(err)
	}
	return k, nil
}

// timeout is the time for which the server may send no media.
func (p *puller) timeout() time.Duration { return cmp.Or(p.ReadTimeout, defaultTimeout) }

// errPublicationEnded is the error of a pull whose publication the hub has ended.
var errPublicationEnded = errors.New("the publication ended: another publisher has the path, or the recorder stops")

// play plays the URL on one connection. login is the query with which the client signs in.
func (p *puller) play(ctx context.Context, login string, publish func(string) (*hub.Publisher, error)) error {
	k, err := p.dial(ctx)
	if err != nil {
		return err
	}
	defer k.cut()
	defer context.AfterFunc(ctx, func() { k.stop(context.Cause(ctx)) })()
	if err = p.run(k, login, publish); errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("the source sent no sound and no pictures for %v", p.timeout())
	}
	return cmp.Or(k.stoppedBy(), err)
}

func (p *puller) run(k *socket, login string, publish func(string) (*hub.Publisher, error)) error {
	alive := func() { k.within(p.timeout()) }
	alive()
	w := wire.NewConn(k)
	if err := w.Greet(); err != nil {
		return err
	}
	server, app, key := p.place(login)
	if err := w.Play(server, app, key); err != nil {
		return err
	}
	pub, err := publish("pull " + config.ShownURL(p.URL))
	if err != nil {
		return err
	}
	m := newPublication(p.Log, p.Clock)
	m.keepG711 = p.KeepG711
	m.begin(pub)
	defer m.finish()
	w.Allow(wire.MaxMessageBytes)
	w.Count(m.grow)
	return p.receive(w, m, alive)
}

// receive passes the messages of the server to a publication. Only media keeps the connection alive, from the first frame
// on.
func (p *puller) receive(w *wire.Conn, m *publication, alive func()) error {
	var heard time.Time // when alive was called
	for {
		var message wire.Message
		if err := w.Read(&message); err != nil {
			return err
		}
		command, is, err := message.Command()
		switch {
		case is && err == nil:
			err = command.Ended()
		case err == nil:
			err = m.message(&message, p.Clock.Now())
		}
		switch {
		case errors.Is(err, hub.ErrReplaced), errors.Is(err, hub.ErrClosed):
			return errPublicationEnded
		case err != nil:
			return err
		}
		if now := time.Now(); message.Media() && now.Sub(heard) > p.timeout()/8 && m.begun() {
			heard = now
			alive()
		}
	}
}
