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

// puller plays a URL. Media arrives over TCP unless TCP is refused, brings no media, or the settings require UDP: a
// recording needs every packet more than it needs them early.
type puller struct {
	hub.PullOptions
	pinned []byte   // SHA-256 of the certificate; nil: the system's trust decides
	secret []string // texts that no error or log line may contain

	// State that one connection keeps for the next. Pull is called by one goroutine.
	udp             bool            // media over UDP, if both transports may be tried
	next            *url.URL        // redirect of a server that was playing
	loggedRedirects map[string]bool // logged targets of redirects
	refused         int             // consecutive refusals of the password
	hungUp          map[string]int  // consecutive hang-ups of the server at a track's SETUP, by its control attribute
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

// maxHangUps is the number of hang-ups of a server at the SETUP of one track after which the next connection skips
// the track.
const maxHangUps = 2

// maxRedirects is the number of redirects that a server may send before it plays.
const maxRedirects = 3

// maxLogged is the number of redirect targets that are logged.
const maxLogged = 16

// Pull plays until the server ends, fails or the context ends.
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

// sayRedirect logs each target once.
func (p *puller) sayRedirect(to string) {
	if p.loggedRedirects == nil {
		p.loggedRedirects = map[string]bool{}
	}
	if len(p.loggedRedirects) < maxLogged && !p.loggedRedirects[to] {
		p.loggedRedirects[to] = true
		p.Log.Info("the server redirects", "to", to)
	}
}

// mayTryBoth reports whether media may arrive over TCP or UDP.
func (p *puller) mayTryBoth(u *url.URL) bool {
	return (p.Transport == "" || p.Transport == "auto") && u.Scheme == "rtsp"
}

// whilePlaying is an error after the stream was published: the next Pull makes another connection.
type whilePlaying struct{ error }

func (w whilePlaying) Unwrap() error { return w.error }

func published(err error) bool { return errors.As(err, &whilePlaying{}) }

// Cameras lock an account after some five wrong passwords. A camera that has just started may refuse the right one.
const (
	quickRefusals = 3
	refusedWait   = 5 * time.Minute
)

// later lengthens the wait after repeated refusals of a password.
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
