package rtsp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/certificate"
	"github.com/gospool/spool/pipeline/redact"
	"github.com/gospool/spool/stages/hub"
	"github.com/gospool/spool/stages/ingest/rtsp/client"
)

func init() {
	hub.RegisterScheme("rtsp", newPuller)
	hub.RegisterScheme("rtsps", newPuller)
}

// puller plays the URL of a pulled stream. It receives media over TCP unless the server refuses TCP, sends no media
// over it, or the settings require UDP: a recording needs complete media more than a short delay.
type puller struct {
	hub.PullOptions
	pinned []byte // SHA-256 of the only accepted certificate; nil: any certificate that the system trusts
	secret redact.Texts

	// The fields below keep state from one connection to the next. One goroutine calls Pull.
	udp             bool            // the next connection requests media over UDP
	next            *url.URL        // address to which the server redirected while it played; nil: the pull URL
	loggedRedirects map[string]bool // targets of redirects that have been logged
	refused         int             // number of consecutive refusals of the password
	hungUp          map[string]int  // connections that the server closed at a track's SETUP, by control attribute
}

// newPuller makes the puller of a URL. It returns an error for invalid or contradictory options. It does no I/O.
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
	p := &puller{PullOptions: o, secret: redact.Of(o.URL), udp: o.Transport == "udp"}
	if o.Log != nil && p.secret != nil {
		p.Log = slog.New(redact.Log{Handler: o.Log.Handler(), Secret: p.secret})
	}
	if o.Fingerprint == "" {
		return p, nil
	}
	if !secure {
		return nil, errors.New("tls.fingerprint is for rtsps URLs")
	}
	var err error
	p.pinned, err = certificate.ReadFingerprint(o.Fingerprint)
	return p, err
}

// maxHangUps is the number of times that a server may close the connection at the SETUP of one track. The next
// connection then skips the track.
const maxHangUps = 2

// maxRedirects is the number of redirects that Pull follows before the stream plays.
const maxRedirects = 3

// maxLogged is the number of targets of redirects that a puller logs.
const maxLogged = 16

// Pull plays the URL, and publishes its stream, until the server ends the stream, the connection fails or ctx ends. It
// returns the reason as an error without the password.
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
			return p.secret.Error(p.later(err))
		case published(err):
			p.next = to.URL
			return p.secret.Error(err)
		case hops == maxRedirects:
			return p.secret.Error(fmt.Errorf("%w, after %d redirects before: not followed further", err, maxRedirects))
		}
		p.sayRedirect(p.secret.Error(to).Error())
		u = to.URL
	}
}

// sayRedirect logs a redirect, once for each target, and for at most maxLogged targets.
func (p *puller) sayRedirect(to string) {
	if p.loggedRedirects == nil {
		p.loggedRedirects = map[string]bool{}
	}
	if len(p.loggedRedirects) < maxLogged && !p.loggedRedirects[to] {
		p.loggedRedirects[to] = true
		p.Log.Info("the server redirects", "to", to)
	}
}

// mayTryBoth reports whether settings and URL permit media over TCP as well as over UDP.
func (p *puller) mayTryBoth(u *url.URL) bool {
	return (p.Transport == "" || p.Transport == "auto") && u.Scheme == "rtsp"
}

// whilePlaying is an error that occurred after the stream was published. Pull does not try another transport after it,
// and does not follow a redirect at once: it returns the error, and the hub calls Pull again.
type whilePlaying struct{ error }

func (w whilePlaying) Unwrap() error { return w.error }

func published(err error) bool { return errors.As(err, &whilePlaying{}) }

// Cameras lock an account after about five wrong passwords. A camera that has just started may refuse the right
// password.
const (
	quickRefusals = 3               // number of consecutive refusals from which on the puller waits longer
	refusedWait   = 5 * time.Minute // least wait before the next attempt then
)

// later returns the error that Pull returns for err. It counts consecutive refusals of the password: from the number
// quickRefusals on, its error makes the hub wait for at least refusedWait before it calls Pull again. Any other error
// resets the count and is returned unchanged.
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
