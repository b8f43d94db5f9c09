package hub

import (
	"context"
	"errors"
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/live"
)

// Reader reads the access units of a stream as they arrive, of one publisher after another: see live.Reader. One
// goroutine at a time uses it.
type Reader struct {
	*live.Reader
	stream *stream // nil after Close
}

// Read begins to read the stream of a path, which need not be live or configured yet. A pull of the path runs while the
// stream has a reader, as while it has a subscription. The caller closes the reader. After Hub.Close, Read returns
// ErrClosed.
func (h *Hub) Read(path string, o live.Options) (*Reader, error) {
	s, err := h.use(path)
	if err != nil {
		return nil, err
	}
	return &Reader{s.joinRing().Open(o), s}, nil
}

// ErrNoTracks is the error of Reader.Tracks if the tracks of the stream did not become known in time.
var ErrNoTracks = errors.New("the stream has no publisher that has sent media")

// Tracks waits until the stream has a publisher whose tracks are known, and returns them. After within it returns
// ErrNoTracks, and if ctx ends, context.Cause(ctx).
func (r *Reader) Tracks(ctx context.Context, within time.Duration) (*media.TrackSet, error) {
	late, stop := r.stream.hub.cfg.Clock.After(within)
	defer stop()
	for {
		set, known := r.stream.awaitTracks()
		if set != nil {
			return set, nil
		}
		select {
		case <-known:
		case <-late:
			return nil, ErrNoTracks
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// Close ends the reader. Later calls have no effect.
func (r *Reader) Close() {
	if r.stream == nil {
		return
	}
	r.Reader.Close()
	r.stream.leaveRing()
	r.stream = nil
}

// Window makes the hub hold the newest part of a stream for its readers: see live.Keep. The caller closes it.
type Window struct {
	*live.Keep
	stream *stream // nil after Close
}

// Window holds the newest ns of the stream of a path, as far as Config.MaxGOPBytes permits. It counts as a reader of the
// stream. After Hub.Close, Window returns ErrClosed.
func (h *Hub) Window(path string, ns int64) (*Window, error) {
	s, err := h.use(path)
	if err != nil {
		return nil, err
	}
	return &Window{s.joinRing().Keep(ns), s}, nil
}

// Close ends the window. Later calls have no effect.
func (w *Window) Close() {
	if w.stream == nil {
		return
	}
	w.Keep.Close()
	w.stream.leaveRing()
	w.stream = nil
}

// Viewers adds a queue of chunks that wait for viewers to the memory budget, which drops from it before any recording loses
// media. The caller calls leave to remove it.
func (h *Hub) Viewers(q media.Queue) (leave func()) { return h.cfg.Budget.JoinFirst(q) }

// liveUnits holds a stream's ring of access units and its users. The stream's mutex guards it.
type liveUnits struct {
	ring        *live.Ring // nil without users
	users       int        // readers and windows
	leaveBudget func()
	known       chan struct{} // closed when the tracks become known; nil: no reader waits for them
}

// joinRing counts a user of the stream's ring, which it makes for the first one from the newest GOP and the open chunk.
func (s *stream) joinRing() (ring *live.Ring) {
	fresh := live.NewRing(s.hub.cfg.MaxGOPBytes)
	leaveBudget := s.hub.Viewers(fresh) // takes locks of all streams
	s.withBuilder(func() {
		l := &s.units
		if l.users++; l.ring == nil {
			l.ring, l.leaveBudget = fresh, leaveBudget
			for _, c := range s.gop {
				fresh.Chunk(c)
			}
			if open := s.builder.Observe(fresh); open != nil {
				fresh.Chunk(open)
			}
			s.demand()
		}
		ring = l.ring
	})
	if ring != fresh {
		leaveBudget()
	}
	return ring
}

// leaveRing ends a use of the ring, and closes the ring after the last one.
func (s *stream) leaveRing() {
	var ring *live.Ring
	var leaveBudget func()
	s.withBuilder(func() {
		l := &s.units
		if l.users--; l.users == 0 {
			s.builder.Observe(nil)
			ring, leaveBudget = l.ring, l.leaveBudget
			l.ring, l.leaveBudget = nil, nil
			s.demand()
		}
	})
	if ring != nil {
		ring.Close()
	}
	if leaveBudget != nil {
		leaveBudget()
	}
	s.hub.leave(s)
}

// withBuilder calls f while no publisher uses the builder, and holds s.mu. f must not block.
func (s *stream) withBuilder(f func()) {
	for {
		s.mu.Lock()
		p := s.pub
		if p == nil { // a publisher attaches under s.mu before it writes
			f()
			s.mu.Unlock()
			return
		}
		s.mu.Unlock()
		if p.hold(func() bool {
			s.mu.Lock()
			defer s.mu.Unlock()
			if s.pub != p {
				return false
			}
			f()
			return true
		}) {
			return
		}
	}
}

// hold calls f while the publisher writes nothing.
func (p *Publisher) hold(f func() bool) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return f()
}

// awaitTracks returns the present tracks, or else a channel that is closed when they are known.
func (s *stream) awaitTracks() (*media.TrackSet, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set == nil && s.units.known == nil {
		s.units.known = make(chan struct{})
	}
	return s.set, s.units.known
}

// tracksKnown wakes the readers that wait for the tracks. The caller holds s.mu.
func (s *stream) tracksKnown() {
	if s.units.known != nil {
		close(s.units.known)
		s.units.known = nil
	}
}
