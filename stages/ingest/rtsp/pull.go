package rtsp

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/rtsp/client"
)

func init() {
	hub.RegisterScheme("rtsp", newPuller)
	hub.RegisterScheme("rtsps", newPuller)
}

// puller plays a URL. Media comes over TCP unless that is refused, brings nothing,
// or UDP is asked for: a recording wants every packet more than it wants them early.
type puller struct {
	hub.PullOptions
	pinned []byte   // SHA-256 of the certificate; nil: what the system trusts
	secret []string // what no error or log line may show

	// What one connection learns for the next. Pull is called by one goroutine.
	udp     bool            // media comes over UDP, where both ways may be tried
	next    *url.URL        // where a server that was playing said to go
	led     map[string]bool // where servers sent on to, as far as it was logged
	refused int             // times in a row that the password was refused
	hungUp  map[string]int  // times in a row that the server hung up at a track's SETUP, by its control attribute
}

// newPuller checks the URL. It does no I/O.
func newPuller(o hub.PullOptions) (hub.Puller, error) {
	switch o.Transport {
	case "", "auto", "tcp", "udp":
	default:
		return nil, fmt.Errorf("transport %q: write tcp, udp or auto", o.Transport)
	}
	secure := o.URL.Scheme == "rtsps"
	if o.Transport == "udp" && secure {
		return nil, errors.New("transport udp: rtsps carries media over tcp")
	}
	if o.URL.Hostname() == "" {
		return nil, errors.New("the pull URL has no host")
	}
	if o.Clock == nil {
		o.Clock = pipeline.SystemClock
	}
	p := &puller{PullOptions: o, secret: secrets(o.URL), udp: o.Transport == "udp"}
	if o.Fingerprint == "" {
		return p, nil
	}
	if !secure {
		return nil, errors.New("tls.fingerprint is for rtsps URLs")
	}
	var err error
	p.pinned, err = readFingerprint(o.Fingerprint)
	return p, err
}

// maxHangUps is how often a server may hang up at the SETUP of one track before the
// next connection does without it.
const maxHangUps = 2

// maxRedirects is how often a server may send a client on before it plays.
const maxRedirects = 3

// maxLogged is how many places are logged.
const maxLogged = 16

// Pull plays until the server ends, fails or the context does.
func (p *puller) Pull(ctx context.Context, publish func(string) (*hub.Publisher, error)) error {
	u := p.URL
	if p.next != nil {
		u, p.next = p.next, nil
	}
	for hops := 0; ; hops++ {
		err := p.play(ctx, u, publish)
		to := (*client.Redirect)(nil)
		switch {
		case !errors.As(err, &to):
			return p.redact(p.later(err))
		case published(err):
			p.next = to.URL
			return p.redact(err)
		case hops == maxRedirects:
			return p.redact(fmt.Errorf("%w, after %d redirects before: not followed further", err, maxRedirects))
		}
		p.sayRedirect(p.redact(to).Error())
		u = to.URL
	}
}

// sayRedirect logs each place once.
func (p *puller) sayRedirect(to string) {
	if p.led == nil {
		p.led = map[string]bool{}
	}
	if len(p.led) < maxLogged && !p.led[to] {
		p.led[to] = true
		p.Log.Info("the server redirects", "to", to)
	}
}

// mayTryBoth reports whether media may come over TCP or UDP.
func (p *puller) mayTryBoth(u *url.URL) bool {
	return (p.Transport == "" || p.Transport == "auto") && u.Scheme == "rtsp"
}

// whilePlaying is an error after the stream was published: another connection is the
// next pull's.
type whilePlaying struct{ error }

func (w whilePlaying) Unwrap() error { return w.error }

func published(err error) bool { return errors.As(err, &whilePlaying{}) }

// Cameras lock an account after some five wrong passwords. A camera that has just
// started may refuse the right one.
const (
	quickRefusals = 3
	refusedWait   = 5 * time.Minute
)

// later makes the wait after a password that is refused again and again a long one.
func (p *puller) later(err error) error {
	if !errors.Is(err, client.ErrCredentials) {
		p.refused = 0
		return err
	}
	if p.refused++; p.refused < quickRefusals {
		return err
	}
	return pipeline.TryLater(fmt.Errorf("%w, %d times now: it is tried seldom, so that the camera does not lock the account", err, p.refused), refusedWait)
}
