package hub

import (
	"context"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// awaited is a publisher whose connection was lost, and which may come back. As long as it is awaited, the subscriptions
// do not end: if a publisher with the same tracks comes in time, the stream goes on behind a gap.
type awaited struct {
	set    *media.TrackSet
	client Client
	reason media.Cause // of the end of the subscriptions, if it does not come back
	cancel context.CancelFunc
}

// Disconnect emits the unfinished chunk and ends the publication, because the connection to the publisher is lost. Other
// than after Close, the runs that read the stream go on for the stream's ReconnectGrace: if a publisher with the same
// tracks comes within it, its media follows behind a gap. Otherwise the runs end with the reason. Only the first call of
// Close or Disconnect has an effect.
func (p *Publisher) Disconnect(reason media.Cause) { p.end(reason, ErrClosed, true) }

// await begins to wait for the stream's publisher, which has just left, and reports whether it does: runs read the stream,
// and it has a ReconnectGrace. The caller holds s.mu.
func (s *stream) await(set *media.TrackSet, client Client, reason media.Cause) bool {
	grace := s.reconnectGrace
	if grace == 0 {
		grace = s.hub.cfg.ReconnectGrace
	}
	if grace <= 0 || set == nil || len(s.subs) == 0 {
		return false
	}
	ctx, cancel := context.WithCancel(context.Background())
	a := &awaited{set: set, client: client, reason: reason, cancel: cancel}
	s.awaited = a
	s.hub.tasks.Go("reconnect grace "+s.path, func(task context.Context) error {
		defer cancel()
		defer context.AfterFunc(task, cancel)()
		if pipeline.Sleep(ctx, s.hub.cfg.Clock, grace, nil) {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.awaited == a {
				s.giveUp()
			}
		}
		return nil
	})
	return true
}

// giveUp ends the subscriptions because the awaited publisher has not come back. It does nothing if none is awaited. The
// caller holds s.mu.
func (s *stream) giveUp() {
	a := s.awaited
	if a == nil {
		return
	}
	s.awaited = nil
	a.cancel()
	for sub := range s.subs {
		sub.end(a.reason)
	}
}

// returns reports whether a publisher with the tracks of set is the awaited one, which from then on is no longer awaited.
// If a publisher with other tracks, or of another user, has come, the subscriptions end.
func (s *stream) returns(set *media.TrackSet) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	a := s.awaited
	if a == nil {
		return false
	}
	if !a.set.Same(set) || a.client.User != s.pub.opts.Client.User {
		s.giveUp()
		return false
	}
	s.awaited = nil
	a.cancel()
	s.log.Info("the publisher is back: the recording goes on", "away_for", s.hub.cfg.Clock.Now().Sub(s.left).Round(10e6))
	return true
}
