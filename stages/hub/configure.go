package hub

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/streampath"
)

// StreamConfig holds the configured settings of a path.
type StreamConfig struct {
	Pull      string // URL; empty: a client publishes the stream
	Transport string
	Override  bool

	Fingerprint string        // SHA-256 of the source's certificate; empty: the system's roots decide
	ReadTimeout time.Duration // 0: the hub's
	WallClock   string        // empty: the hub's; a publisher keeps the setting that it began with
}

// Configure sets the settings of a path. The hub connects to a pull URL while the stream has a
// subscriber. A pull with unchanged settings goes on. A changed pull replaces the old one when that
// has closed its connection; this ends the recordings' run like the loss of any publisher.
func (h *Hub) Configure(path string, c StreamConfig) error {
	if err := streampath.Check(path); err != nil {
		return err
	}
	next, err := h.newPull(path, c)
	if err != nil {
		return fmt.Errorf("stream %s: %w", path, err)
	}
	h.mu.Lock()
	s := h.stream(path)
	s.configured.Store(true)
	h.mu.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.override, s.readTimeout, s.wallClock = c.Override, c.ReadTimeout, c.WallClock
	if s.named.IsZero() {
		s.named = h.cfg.Clock.Now()
	}
	if s.pull.same(next) {
		return nil
	}
	s.replacePull(next)
	return nil
}

// hangUpTime bounds how long Forget waits for a connection to end.
const hangUpTime = 10 * time.Second

// Forget undoes Configure: it ends the pull and deletes a stream without publisher and subscribers.
// It waits until the pull has ended, so that Live then reports only other publishers.
func (h *Hub) Forget(path string) {
	h.mu.Lock()
	s := h.streams[path]
	if s == nil {
		h.mu.Unlock()
		return
	}
	s.refs++ // leave undoes it, and deletes the stream if this was its last use
	s.configured.Store(false)
	h.mu.Unlock()
	s.mu.Lock()
	s.override, s.readTimeout, s.wallClock, s.named = false, 0, "", time.Time{}
	ended := s.pull.over()
	s.replacePull(nil)
	s.mu.Unlock()
	defer h.leave(s)
	pipeline.Sleep(context.Background(), h.cfg.Clock, hangUpTime, ended)
}

func (h *Hub) newPull(path string, c StreamConfig) (*pull, error) {
	if c.Pull == "" {
		return nil, nil
	}
	puller, err := NewPuller(c.Pull, PullOptions{
		Path: path, Transport: c.Transport, Fingerprint: c.Fingerprint, ReadTimeout: cmp.Or(c.ReadTimeout, h.cfg.ReadTimeout),
		Log: h.cfg.Log.With("stream", path), Clock: h.cfg.Clock, Go: h.tasks.Go,
	})
	if err != nil {
		return nil, err
	}
	return &pull{from: c, puller: puller, shown: config.NewURL(c.Pull).String()}, nil
}

// same reports whether two pulls fetch the same stream with the same settings.
func (p *pull) same(o *pull) bool {
	if p == nil || o == nil {
		return p == o
	}
	a, b := p.from, o.from
	a.Override, b.Override = false, false // they concern publishers
	return a == b
}

// over returns a channel that is closed when the pull does not run. The caller holds the stream's
// mutex.
func (p *pull) over() <-chan struct{} {
	if p == nil || !p.running {
		done := make(chan struct{})
		close(done)
		return done
	}
	return p.ended
}

// replacePull replaces the pull. The caller holds s.mu.
func (s *stream) replacePull(next *pull) {
	old := s.pull
	s.pull = next
	if old == nil || !old.running {
		s.demand()
		return
	}
	for _, end := range []context.CancelCauseFunc{old.idle, old.cancel} {
		if end != nil {
			end(errReplaced)
		}
	}
	// stopped starts the new pull when the path is free. A pull that has no cancel yet sees by
	// itself that it was replaced.
}
