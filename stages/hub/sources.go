package hub

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media/live"
)

// source is a URL of a pull.
type source struct {
	puller Puller
	shown  string // the URL without user and password
}

// sources returns the sources of a pull in the order in which they are tried.
func (c *StreamConfig) sources(o PullOptions) ([]source, error) {
	var all []source
	for _, raw := range append([]string{c.Pull}, c.Fallbacks...) {
		puller, err := NewPuller(raw, o)
		if err != nil {
			return nil, err
		}
		all = append(all, source{puller, config.NewURL(raw).String()})
	}
	return all, nil
}

// A preferred source is one that stands before the present one in the list. While a fallback is pulled, it is tried again after
// each preferredWait.
const preferredWait = time.Minute

var (
	errPreferred = errors.New("a preferred source is back")
	errSends     = errors.New("the source sends media")
	errReadOut   = errors.New("the source has come to its end")
	errPanic     = errors.New("the pull has failed inside spool: the log has the reason")
)

// pullInTurn pulls the sources one after another until one sends media, and returns when that one has ended. It begins with
// the source that has sent media last: that one is more likely to come back soon than those that did not work before. media
// reports whether one has sent media; otherwise the error has the reason of each source. The end of a finite source is an
// error, too, if there are several sources: another one may work.
func (s *stream) pullInTurn(ctx context.Context, p *pull) (media bool, err error) {
	var failed error
	for tried, i := range p.order() {
		s.pullsFrom(p, i)
		units := s.accessUnits.Load()
		err = s.pullOrPreferred(ctx, p, i)
		media = s.accessUnits.Load() > units
		p.sent = media && err != nil
		if len(p.sources) == 1 || ctx.Err() != nil || errors.Is(err, ErrClosed) || s.hub.isClosed() {
			return media, err
		}
		if err == nil {
			err = errReadOut
		}
		if media {
			return true, fmt.Errorf("%s: %w", p.sources[p.at].shown, err)
		}
		if tried+1 < len(p.sources) {
			s.fallBack(p, i, err)
		}
		err = fmt.Errorf("%s: %w", p.sources[i].shown, err)
		if failed == nil {
			failed = err
		} else {
			failed = fmt.Errorf("%w; %w", failed, err)
		}
	}
	return false, failed
}

// order returns the indexes of the sources in the order in which they are tried.
func (p *pull) order() (all []int) {
	if p.sent && p.at > 0 {
		all = append(all, p.at)
	}
	for i := range p.sources {
		if !slices.Contains(all, i) {
			all = append(all, i)
		}
	}
	return all
}

// fallBack logs that the source at index i does not work, as pullFailed logs the failures of all.
func (s *stream) fallBack(p *pull, i int, err error) {
	if times, say := p.skipped.add(err, s.hub.cfg.Clock.Now(), false); say {
		s.log.Warn("pull failed, another source is tried", "url", p.sources[i].shown, "source", p.number(i), "error", err, "times_so_far", times)
	}
}

// number tells a source apart from others of the same host.
func (p *pull) number(i int) string { return fmt.Sprintf("%d of %d", i+1, len(p.sources)) }

// pullsFrom makes the source at index i the one that is shown.
func (s *stream) pullsFrom(p *pull, i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.at = i
}

// attempt is a source while it is pulled.
type attempt struct {
	ctx   context.Context // ends with the pull
	leave context.CancelCauseFunc
	ended chan struct{} // closed when the pull has ended
	err   error         // of the pull, when it has ended
	stop  func()        // ends the pull, and waits for its end
}

// attempt pulls the source at index i on a task of its own. It calls before, which may be nil, before the source publishes.
func (s *stream) attempt(ctx context.Context, p *pull, i int, before func()) *attempt {
	a := &attempt{ended: make(chan struct{}), err: errPanic}
	a.ctx, a.leave = context.WithCancelCause(ctx)
	stop := s.hub.tasks.Go("source of "+s.path, func(context.Context) error {
		defer a.leave(nil)
		defer close(a.ended)
		a.err = s.pullOnce(a.ctx, p.sources[i].puller, before)
		return nil
	})
	a.stop = func() { a.leave(nil); stop() }
	return a
}

// result waits until the pull has ended, and returns its error.
func (a *attempt) result() error {
	<-a.ctx.Done()
	a.stop()
	select {
	case <-a.ended:
		return a.err
	default: // the task has never begun
		return context.Cause(a.ctx)
	}
}

// pullOrPreferred pulls the source at index i until it has ended. A preferred source that works again takes its place;
// pullOrPreferred then returns when that one has ended.
func (s *stream) pullOrPreferred(ctx context.Context, p *pull, i int) error {
	if i == 0 {
		return s.pullOnce(ctx, p.sources[0].puller, nil)
	}
	now := s.attempt(ctx, p, i, nil)
	defer func() { now.stop() }()
	for i > 0 {
		j, found := s.awaitPreferred(now.ctx, p, i)
		if !found {
			break
		}
		published, once := make(chan struct{}), sync.Once{}
		old, from := now, i
		next := s.attempt(ctx, p, j, func() {
			once.Do(func() { // a source publishes again when its codecs change
				old.leave(errPreferred)
				old.stop()
				s.pullsFrom(p, j)
				s.log.Info("a preferred source is back and replaces the fallback", "url", p.sources[j].shown, "source", p.number(j), "fallback", p.number(from))
				close(published)
			})
		})
		select {
		case <-published:
			now, i = next, j
		case <-next.ctx.Done():
			next.stop()
		}
		select {
		case <-published: // and ended soon
			now, i = next, j
		default:
		}
	}
	return now.result()
}

// awaitPreferred waits until a source before index i sends media, and returns its index. found is false when ctx has ended.
func (s *stream) awaitPreferred(ctx context.Context, p *pull, i int) (j int, found bool) {
	for pipeline.Sleep(ctx, s.hub.cfg.Clock, preferredWait, nil) {
		for j := range i {
			if s.sends(ctx, p.sources[j].puller) {
				return j, true
			}
		}
	}
	return 0, false
}

// sends pulls a source until its first access unit, which it drops, and reports whether that has come: many a camera that is
// not well accepts connections. The present source goes on meanwhile.
func (s *stream) sends(ctx context.Context, puller Puller) bool {
	trial := New(s.hub.pool, s.hub.tasks, Config{Clock: s.hub.cfg.Clock, Log: slog.New(slog.DiscardHandler), ServesReaders: true})
	defer trial.Close()
	units, err := trial.Read(s.path, live.Options{})
	if err != nil {
		return false
	}
	defer units.Close()
	own, end := context.WithCancelCause(ctx)
	stop := s.hub.tasks.Go("trial of a source of "+s.path, func(context.Context) error {
		if u, err := units.Take(own); err == nil && u.End == "" {
			end(errSends)
		}
		return nil
	})
	var pub *Publisher
	_ = puller.Pull(own, func(origin string) (*Publisher, error) { // the caller asks whether it worked, not why
		var err error
		pub, err = trial.Publish(s.path, PublishOptions{Origin: origin})
		return pub, err
	})
	end(nil)
	stop()
	if pub != nil {
		pub.Close(endcause.SourceLost)
	}
	return context.Cause(own) == errSends
}
