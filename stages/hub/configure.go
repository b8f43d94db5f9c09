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

// StreamConfig is what the configuration says of a path.
type StreamConfig struct {
	Pull      string // URL; empty: somebody publishes
	Transport string
	Override  bool

	Fingerprint string        // of the source's certificate; empty: what the system trusts
	ReadTimeout time.Duration // 0: the hub's
	WallClock   string        // empty: the hub's; a publisher that is there goes on as it began
}

// Configure makes a path known, or known otherwise. With a pull URL the stream
// is connected while it has a subscriber. A pull that is the same as before goes
// on; one that is another takes the old one's place when that has hung up, which
// ends the recordings' run as any lost publisher does.
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

// hangUpTime is how long Forget waits for a connection to end.
const hangUpTime = 10 * time.Second

// Forget undoes Configure: what is pulled is hung up, and a stream that nobody
// publishes or waits for is gone. It waits until the pull has hung up, so that
// Live tells of other publishers only.
func (h *Hub) Forget(path string) {
	h.mu.Lock()
	s := h.streams[path]
	if s == nil {
		h.mu.Unlock()
		return
	}
	s.refs++ // ended by leave, which forgets the stream where that was its last use
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

// same tells whether two pulls fetch the same in the same way.
func (p *pull) same(o *pull) bool {
	if p == nil || o == nil {
		return p == o
	}
	a, b := p.from, o.from
	a.Override, b.Override = false, false // of publishers
	return a == b
}

// over is closed when a pull does not run. The caller holds the stream's mutex.
func (p *pull) over() <-chan struct{} {
	if p == nil || !p.running {
		done := make(chan struct{})
		close(done)
		return done
	}
	return p.ended
}

// replacePull puts a pull in the old one's place. The caller holds s.mu.
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
	// stopped asks for the new one when the path is free; a pull that has not got
	// so far as to have a cancel sees by itself that it is not wanted.
}
