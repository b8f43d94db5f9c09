package hub

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/streampath"
)

// StreamConfig holds the settings of one path from the configuration.
type StreamConfig struct {
	Pull      string   // URL to fetch the stream from; empty: a client publishes the stream
	Fallbacks []string // URLs that are tried in this order when Pull does not work
	Always    bool     // the stream is pulled from PullAlways on, not only while it has a subscription
	Transport string   // PullOptions.Transport
	Override  bool     // a publisher may replace the path's publisher even if that one sends

	Fingerprint    string        // SHA-256 of the source's certificate; empty: the system's root certificates decide
	ReadTimeout    time.Duration // 0: Config.ReadTimeout
	ReconnectGrace time.Duration // 0: Config.ReconnectGrace
	WallClock      string        // empty: Config.WallClock; a publisher keeps the setting with which it began
	G711           string        // empty: Config.G711; a publisher keeps the setting with which it began
}

// Configure sets the settings of a path. It returns an error if the path or the settings of the
// pull are invalid. The hub connects to the pull URL while the stream has a subscription, and for
// Config.Linger after its last one, or with Always all the time. A running pull with unchanged settings continues. If its
// settings change, the hub ends it, and starts the new pull after the old connection is closed. The
// runs that read the stream then end, as they do when a publisher leaves.
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
	alike := s.always == c.Always
	s.always, s.override, s.readTimeout, s.reconnectGrace, s.wallClock, s.g711 = c.Always, c.Override, c.ReadTimeout, c.ReconnectGrace, c.WallClock, c.G711
	if s.named.IsZero() {
		s.named = h.cfg.Clock.Now()
	}
	if s.pull.same(next) {
		if !alike {
			s.demand()
		}
		return nil
	}
	s.replacePull(next)
	return nil
}

// PullAlways begins the pulls of the streams with StreamConfig.Always. The caller calls it once, when all that watches the
// hub is ready.
func (h *Hub) PullAlways() {
	h.pullsAlways.Store(true)
	h.mu.Lock()
	streams := slices.Collect(maps.Values(h.streams))
	h.mu.Unlock()
	for _, s := range streams {
		s.mu.Lock()
		s.demand()
		s.mu.Unlock()
	}
}

// hangUpTime bounds the time that Forget waits for the end of a pull.
const hangUpTime = 10 * time.Second

// Forget undoes Configure: it ends the pull, and deletes the stream if it has neither a publisher
// nor a subscription. It waits until the pull has ended, at most hangUpTime, so that Live no longer
// counts the pull as a publisher.
func (h *Hub) Forget(path string) {
	h.mu.Lock()
	s := h.streams[path]
	if s == nil {
		h.mu.Unlock()
		return
	}
	s.refs++ // the deferred leave removes this use, and deletes the stream if it was the last
	s.configured.Store(false)
	h.mu.Unlock()
	s.mu.Lock()
	s.always, s.override, s.readTimeout, s.reconnectGrace, s.wallClock, s.g711, s.named = false, false, 0, 0, "", "", time.Time{}
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
	sources, err := c.sources(PullOptions{
		Path: path, Transport: c.Transport, Fingerprint: c.Fingerprint, ReadTimeout: cmp.Or(c.ReadTimeout, h.cfg.ReadTimeout),
		KeepG711: h.cfg.keepsG711(c.G711),
		Log:      h.cfg.Log.With("stream", path), Clock: h.cfg.Clock, Go: h.tasks.Go,
	})
	if err != nil {
		return nil, err
	}
	return &pull{from: c, sources: sources}, nil
}

// same reports whether two pulls fetch the same stream with the same settings. Two nil pulls are
// the same.
func (p *pull) same(o *pull) bool {
	if p == nil || o == nil {
		return p == o
	}
	a, b := p.from, o.from
	a.Override, b.Override = false, false // Override concerns only publishers
	a.ReconnectGrace, b.ReconnectGrace = 0, 0
	a.Always, b.Always = false, false // see stream.wanted
	return reflect.DeepEqual(a, b)
}

// over returns a channel that is closed when the running pull ends. The channel is closed already
// if p is nil or not running. The caller holds the stream's mutex.
func (p *pull) over() <-chan struct{} {
	if p == nil || !p.running {
		done := make(chan struct{})
		close(done)
		return done
	}
	return p.ended
}

// replacePull sets the stream's pull; nil is no pull. If the old pull runs, replacePull ends it,
// and the new one starts after that. Otherwise the new pull starts at once if the stream has a
// subscription. The caller holds s.mu.
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
	// stopped starts the new pull after the old one has ended. An old pull without a cancel function
	// is just starting: keepPulling sees that s.pull has changed, and ends it.
}
