package hub

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
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

// A preferred source is one that stands before the present one in the list. It is tried again while a fallback is pulled:
// after preferredWait at first, and after twice the time whenever it took the place but sent no media.
const preferredWait, maxPreferredWait = time.Minute, time.Hour

var errPreferred = errors.New("a preferred source is back")

// pullInTurn pulls the sources one after another until one sends media, and returns when that one has ended. media reports
// whether one has sent media; otherwise the error has the reason of each source.
func (s *stream) pullInTurn(ctx context.Context, p *pull) (media bool, err error) {
	var failed error
	for i, from := range p.sources {
		s.pullsFrom(p, i)
		units := s.accessUnits.Load()
		err = s.pullOrPreferred(ctx, p, i)
		media = s.accessUnits.Load() > units
		if media || err == nil || len(p.sources) == 1 || ctx.Err() != nil || errors.Is(err, ErrClosed) || s.hub.isClosed() {
			return media, err
		}
		if i+1 < len(p.sources) {
			s.fallBack(p, i, err)
		}
		err = fmt.Errorf("%s: %w", from.shown, err)
		if failed == nil {
			failed = err
		} else {
			failed = fmt.Errorf("%w; %w", failed, err)
		}
	}
	return false, failed
}

// fallBack logs that the source at index i does not work, as pullFailed logs the failures of all.
func (s *stream) fallBack(p *pull, i int, err error) {
	if times, say := p.skipped.add(err, s.hub.cfg.Clock.Now(), false); say {
		s.log.Warn("pull failed, a fallback is tried", "url", p.sources[i].shown, "error", err, "fallback", p.sources[i+1].shown, "times_so_far", times)
	}
}

// pullsFrom makes the source at index i the one that is shown.
func (s *stream) pullsFrom(p *pull, i int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.at = i
}

// pullOrPreferred pulls the source at index i until it has ended. A preferred source that works again takes its place;
// pullOrPreferred then returns when that one has ended.
func (s *stream) pullOrPreferred(ctx context.Context, p *pull, i int) error {
	if i == 0 {
		return s.pullOnce(ctx, p.sources[i].puller, nil)
	}
	own, leave := context.WithCancelCause(ctx)
	defer leave(nil)
	left := make(chan struct{}) // closed when the source at i is no longer published
	ended := make(chan error, 1)
	stop := s.hub.tasks.Go("preferred source of "+s.path, func(task context.Context) error {
		err := errPreferred // after a panic, too, the pull is tried again
		defer func() { ended <- err }()
		err = s.tryPreferred(task, p, i, func() {
			leave(errPreferred)
			<-left
		})
		return nil
	})
	defer stop()
	err := s.pullOnce(own, p.sources[i].puller, nil)
	close(left)
	if context.Cause(own) != errPreferred {
		return err
	}
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = context.Cause(ctx)
	}
	return err
}

// tryPreferred tries the sources before index i from time to time. When one is about to publish, it calls take, and returns
// when that source has ended.
func (s *stream) tryPreferred(ctx context.Context, p *pull, i int, take func()) error {
	for pipeline.Sleep(ctx, s.hub.cfg.Clock, p.preferredWait, nil) {
		for j := range i {
			took, units := false, uint64(0)
			err := s.pullOnce(ctx, p.sources[j].puller, func() {
				took = true
				take()
				units = s.accessUnits.Load()
				s.pullsFrom(p, j)
				s.log.Info("a preferred source is back and replaces the fallback", "url", p.sources[j].shown, "fallback", p.sources[i].shown)
			})
			switch {
			case !took && ctx.Err() == nil:
				continue
			case took && s.accessUnits.Load() == units:
				p.preferredWait = min(2*p.preferredWait, maxPreferredWait)
			default:
				p.preferredWait = preferredWait
			}
			return err
		}
	}
	return context.Cause(ctx)
}
