package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"sort"
	"strings"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// PullOptions describes the source of a stream, and the services that its Puller uses. NewPuller
// sets URL, and calls the function that is registered for the URL's scheme with the options.
type PullOptions struct {
	Command     string        // what follows the colon, of a scheme of RegisterCommand; URL has the scheme alone
	URL         *url.URL      // with user and password: log config.ShownURL(URL) instead
	Path        string        // of the stream in the hub
	Transport   string        // of RTSP: tcp, udp, or empty for the puller's choice
	Fingerprint string        // SHA-256 of the server's certificate; empty: the system's root certificates decide
	ReadTimeout time.Duration // a source that sends nothing for so long, not even a response, is lost; 0: the puller's own
	KeepG711    bool          // G.711 is recorded as it is sent; else as LPCM
	Log         *slog.Logger
	Clock       pipeline.Clock
	// Go runs a function on a goroutine of its own. stop ends its context and waits until the
	// function has returned.
	Go func(name string, run func(context.Context) error) (stop func())
}

// Puller fetches one stream from a remote source or a file.
type Puller interface {
	// Pull connects to the source, calls publish once it knows the tracks, and writes the media to
	// the publisher. It returns nil after it has read a finite source to its end, and an error when
	// the source is lost or ctx ends. After an error the hub calls Pull again after a backoff,
	// unless ctx has ended; see pipeline.TryLater.
	Pull(ctx context.Context, publish func(origin string) (*Publisher, error)) error
}

// Scheme makes the puller of PullOptions.URL: see RegisterScheme. It does no I/O; an error means
// that the configuration is wrong.
type Scheme func(PullOptions) (Puller, error)

var schemes = struct {
	sync.RWMutex // guards the other fields
	by           map[string]Scheme
	hints        map[string]string
}{by: map[string]Scheme{}, hints: map[string]string{}}

// RegisterScheme registers the constructor of the pullers of a URL scheme, such as rtsp. A package
// calls it from init. It panics if the scheme is registered already.
func RegisterScheme(name string, scheme Scheme) { register(name, scheme) }

// RegisterCommand registers the constructor of pullers that run a command, as RegisterScheme does. The scheme is followed by a
// colon and the command, which is no URL. A pull that runs a command is allowed in the configuration file alone: see
// config.RegisterCommandScheme.
func RegisterCommand(name string, scheme Scheme) {
	config.RegisterCommandScheme(name)
	register(name, scheme)
}

// HintScheme sets the hint for pull URLs with a scheme that is not registered, though users may expect it. A package calls it
// from init.
func HintScheme(name, hint string) {
	schemes.Lock()
	defer schemes.Unlock()
	schemes.hints[name] = hint
}

func register(name string, scheme Scheme) {
	schemes.Lock()
	defer schemes.Unlock()
	if schemes.by[name] != nil {
		panic(fmt.Sprintf("hub: scheme %q is registered twice", name))
	}
	schemes.by[name] = scheme
}

var errBadURL = errors.New("the pull URL cannot be read: write scheme://user:password@host:port/path, with special characters in user and password percent-encoded")

// NewPuller parses the URL raw and makes its puller. The error describes the fault of the URL or of
// the options, and never contains the URL's user or password.
func NewPuller(raw string, o PullOptions) (Puller, error) {
	name, command, runs := config.CommandOf(raw)
	if runs {
		o.Command, raw = command, name+":"
	}
	u, err := url.Parse(raw)
	if err != nil { // the text of err quotes the URL with its password
		return nil, errBadURL
	}
	if u.Opaque != "" && strings.Contains(raw, "@") { // url.Parse reads user:password@host as scheme:opaque
		return nil, errBadURL
	}
	schemes.RLock()
	scheme, known := schemes.by[u.Scheme]
	names, hint := schemeNames(schemes.by), schemes.hints[u.Scheme]
	schemes.RUnlock()
	if !known && hint != "" {
		return nil, fmt.Errorf("pull URL has scheme %q: %s", u.Scheme, hint)
	}
	if !known {
		return nil, fmt.Errorf("pull URL has scheme %q; known are %s", u.Scheme, names)
	}
	o.URL = u
	return scheme(o)
}

func schemeNames(by map[string]Scheme) string {
	names := []string{}
	for n := range by {
		if _, _, runs := config.CommandOf(n + ":"); runs {
			n += ":"
		} else {
			n += "://"
		}
		names = append(names, n)
	}
	sort.Strings(names)
	return strings.Join(names, " ")
}

// pull is the connection of a stream with a pull URL. The stream's mutex guards its fields.
type pull struct {
	from    StreamConfig
	sources []source
	at      int // index of the source that is pulled, or was pulled last

	sent    bool     // the source at has sent media and was lost; the running pull owns it
	skipped failures // of sources before the last one; the running pull owns it

	running bool
	ended   chan struct{}           // closed when the running pull has ended
	cancel  context.CancelCauseFunc // ends the running pull; nil: it is just starting, or none runs
	idle    context.CancelCauseFunc // ends the wait for a new subscription after the last one ended; nil: no such wait
	failed  failures
}

var (
	errWanted   = errors.New("a subscriber came")
	errUnwanted = errors.New("no subscriber is left")
	errReplaced = errors.New("the stream is configured otherwise now")
)

func (p *pull) describe(i *media.StreamInfo) {
	i.Pull = p.sources[p.at].shown
	if p.running {
		i.State = "connecting"
	}
	if p.failed.err != nil {
		i.LastError = p.failed.err.Error()
	}
}

// demand starts the pull if the stream has a subscription and the pull does not run. If the stream
// has no subscription, demand ends the running pull after Config.Linger, unless a subscription
// begins in that time. Without a pull it does nothing. The caller holds s.mu.
func (s *stream) demand() {
	p := s.pull
	if p == nil {
		return
	}
	if s.wanted() {
		if p.idle != nil {
			p.idle(errWanted)
			p.idle = nil
		}
		if !p.running {
			p.running, p.ended = true, make(chan struct{})
			s.hub.tasks.Go("pull "+s.path, func(task context.Context) error { return s.keepPulling(task, p) })
		}
		return
	}
	if p.running && p.idle == nil {
		ctx, cancel := context.WithCancelCause(context.Background())
		p.idle = cancel
		s.hub.tasks.Go("linger "+s.path, func(task context.Context) error {
			defer context.AfterFunc(task, func() { cancel(errUnwanted) })()
			if pipeline.Sleep(ctx, s.hub.cfg.Clock, s.hub.cfg.Linger, nil) {
				s.hangUp(ctx, p)
			}
			return nil
		})
	}
}

// hangUp ends the pull unless ctx has ended or the stream has a subscription again.
func (s *stream) hangUp(ctx context.Context, p *pull) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if ctx.Err() == nil && !s.wanted() && p.cancel != nil {
		p.cancel(errUnwanted)
	}
}

// keepPulling runs the pull again after each failure, until the pull is cancelled, a finite source
// has been read to its end, or the hub is closed.
func (s *stream) keepPulling(task context.Context, p *pull) error {
	ctx, cancel := context.WithCancelCause(task)
	defer cancel(nil)
	s.mu.Lock()
	p.cancel = cancel
	if s.pull != p {
		cancel(errReplaced)
	}
	s.mu.Unlock()
	media := false // the newest attempt received media
	retry := pipeline.Retry{
		Clock: s.hub.cfg.Clock, Worked: func() bool { return media },
		Failed: func(err error, wait time.Duration) { s.pullFailed(p, err, wait, media) },
	}
	retry.Run(ctx, func() (last bool, err error) {
		media, err = s.pullInTurn(ctx, p)
		return err == nil || errors.Is(err, ErrClosed) || s.hub.isClosed(), err
	})
	s.stopped(p, ctx.Err() != nil)
	return nil
}

// pullFailed counts a failure of the pull. It logs the 1st, 2nd, 4th, 8th... failure of each kind
// (see failures). wait is the time until the next attempt. media reports whether the failed attempt
// had received media.
func (s *stream) pullFailed(p *pull, err error, wait time.Duration, media bool) {
	s.pullFailures.Add(1)
	s.mu.Lock()
	at := p.at
	times, say := p.failed.add(err, s.hub.cfg.Clock.Now(), media)
	s.mu.Unlock()
	if say {
		s.log.Warn("pull failed", "url", p.sources[at].shown, "error", err, "again_in", wait.Round(10*time.Millisecond), "times_so_far", times)
	}
}

// stopped records that the pull has ended; hungUp reports whether it was cancelled. If the pull was
// cancelled or replaced and the stream has a subscription, stopped starts the stream's pull again.
// A finite source that was read to its end does not start again.
func (s *stream) stopped(p *pull, hungUp bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.running, p.cancel, p.idle, p.failed = false, nil, nil, failures{}
	close(p.ended)
	if (hungUp || p != s.pull) && s.wanted() {
		s.demand()
	}
}

// pullOnce pulls a source until it has ended. It calls before, which may be nil, before the source publishes.
func (s *stream) pullOnce(ctx context.Context, puller Puller, before func()) (err error) {
	var pub *Publisher
	defer func() {
		switch {
		case pub == nil:
		case ctx.Err() != nil && context.Cause(ctx) != errPreferred:
			pub.Close(endcause.SourceLost)
		case err == nil:
			pub.Close(endcause.EndOfFile)
		default:
			pub.Disconnect(endcause.SourceLost)
		}
	}()
	return puller.Pull(ctx, func(origin string) (*Publisher, error) {
		if before != nil {
			before()
		}
		var err error
		pub, err = s.hub.Publish(s.path, PublishOptions{Origin: origin})
		return pub, err
	})
}
