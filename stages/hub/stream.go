package hub

import (
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// stream holds a path's publisher, newest GOP and subscriptions.
type stream struct {
	hub  *Hub
	path string
	log  *slog.Logger
	refs int // publishers and subscriptions; guarded by hub.mu

	builder    *media.Builder // used under the publisher's mutex
	generation atomic.Uint64

	accessUnits, bytes atomic.Uint64
	lastAccessUnitUTC  atomic.Int64 // UTC ns
	drops, repairs     counts

	configured atomic.Bool
	refused    atomic.Uint64 // publishers

	pullFailures atomic.Uint64

	mayBegin atomic.Uint64 // the newest answer of the recordings: generation + 1, and the answer in the lowest bit; 0: none yet

	mu          sync.Mutex    // guards the fields below
	override    bool          // a new publisher replaces the old one
	readTimeout time.Duration // 0: the hub's
	wallClock   string        // empty: the hub's
	pull        *pull
	pub         *Publisher
	set         *media.TrackSet // of the publisher; nil until known
	left        time.Time       // when the last publisher left; zero before the first
	silence     silence
	named       time.Time // when the configuration began to name the path; zero: it does not
	subs        map[*Subscription]struct{}
	problems    map[int]pipeline.Problem // that the publisher reports, by track
	gop         []*media.Chunk           // the newest GOP, and the GOPs before it in the same chunk; one reference each
	gopBytes    int
}

// setTracks emits the open chunk and continues with other tracks.
func (s *stream) setTracks(set *media.TrackSet) {
	s.builder.SetTracks(set)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set == nil && !s.left.IsZero() {
		s.builder.Return(s.hub.cfg.Clock.Now().Sub(s.left))
	}
	s.set = set
	s.dropGOP()
	for sub := range s.subs {
		sub.attached()
	}
}

// fanOut is the builder's emit function. It owns the chunk's first reference.
func (s *stream) fanOut(c *media.Chunk) {
	s.bytes.Add(uint64(c.Bytes()))
	s.share(c, s.keepsGOP())
	s.hub.cfg.Budget.Relieve()
}

// keepsGOP reports whether to keep the newest GOP. It calls MayBegin again only when the
// recordings' generation has changed.
func (s *stream) keepsGOP() bool {
	r := s.hub.recordings
	if r == nil {
		return true
	}
	generation := r.Generation() + 1 // read before MayBegin is called; never 0, which means no answer
	if is := s.mayBegin.Load(); is>>1 == generation {
		return is&1 == 1
	}
	is := generation << 1
	if r.MayBegin(s.path) {
		is |= 1
	}
	s.mayBegin.Store(is)
	return is&1 == 1
}

func (s *stream) share(c *media.Chunk, keep bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sub := range s.subs {
		sub.push(c.Retain())
	}
	s.keep(c, keep)
}

// keep takes over a reference: the chunk joins or begins the newest GOP if wanted.
func (s *stream) keep(c *media.Chunk, wanted bool) {
	if c.StartsGOP || !wanted {
		s.dropGOP()
	}
	over := s.gopBytes+c.MemoryBytes() > s.hub.cfg.MaxGOPBytes
	if !wanted || over || len(s.gop) == 0 && !c.StartsGOP {
		// Part of a GOP is useless: a recording would begin with its key frame.
		s.dropGOP()
		c.Release()
		return
	}
	s.gop = append(s.gop, c)
	s.gopBytes += c.MemoryBytes()
}

func (s *stream) dropGOP() {
	for i, c := range s.gop {
		c.Release()
		s.gop[i] = nil
	}
	s.gop, s.gopBytes = s.gop[:0], 0
}

// detach ends a publication and its subscriptions.
func (s *stream) detach(p *Publisher, reason media.Cause) (d Departure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pub != p {
		return d
	}
	s.pub, s.set, s.problems = nil, nil, nil
	s.left = s.hub.cfg.Clock.Now()
	s.dropGOP()
	for sub := range s.subs {
		sub.end(reason)
	}
	d = Departure{Path: s.path, Last: s.lastAccessUnit(), Since: s.left}
	if s.silence.is {
		d.Since = s.silence.at
	}
	return d
}

// lastAccessUnit returns the time of the newest access unit, zero before the first.
func (s *stream) lastAccessUnit() (t time.Time) {
	if ns := s.lastAccessUnitUTC.Load(); ns != 0 {
		t = time.Unix(0, ns)
	}
	return t
}

func (s *stream) subscribe(sub *Subscription) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range s.gop {
		sub.push(c.Retain())
	}
	if s.set != nil {
		sub.attached()
	}
	s.subs[sub] = struct{}{}
	s.demand()
}

func (s *stream) unsubscribe(sub *Subscription) {
	s.mu.Lock()
	delete(s.subs, sub)
	s.demand()
	s.mu.Unlock()
	s.hub.leave(s)
}

// flush emits the publisher's unfinished chunk.
func (s *stream) flush() {
	s.mu.Lock()
	p := s.pub
	s.mu.Unlock()
	if p != nil {
		p.flush()
	}
}

func (s *stream) live() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.set != nil
}

func (s *stream) announced() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.pub != nil
}

func (s *stream) close() {
	s.mu.Lock()
	p := s.pub
	for sub := range s.subs {
		sub.end(endcause.Shutdown)
	}
	s.mu.Unlock()
	if p != nil {
		p.Close(endcause.Shutdown)
	}
}
