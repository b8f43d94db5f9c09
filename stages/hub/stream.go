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

// stream is one path: its publisher, its newest GOP and its subscriptions.
type stream struct {
	hub  *Hub
	path string
	log  *slog.Logger
	refs int // publishers and subscriptions; guarded by hub.mu

	builder    *media.Builder // used under the publisher's mutex
	generation atomic.Uint64

	accessUnits, bytes atomic.Uint64
	lastAU             atomic.Int64 // UTC ns
	drops, repairs     counts

	configured atomic.Bool
	refused    atomic.Uint64 // publishers

	pullFailures atomic.Uint64

	mayBegin atomic.Uint64 // the newest answer of the recordings: generation + 1, and in the lowest bit the answer; 0: none yet

	mu          sync.Mutex    // guards what follows
	override    bool          // a new publisher replaces the old one
	readTimeout time.Duration // 0: the hub's
	wallClock   string        // empty: the hub's
	pull        *pull
	pub         *Publisher
	set         *media.TrackSet // of the publisher; nil until known
	left        time.Time       // when the last publisher left; zero before that
	silence     silence
	named       time.Time // when the configuration began to name it; zero: it does not
	subs        map[*Subscription]struct{}
	problems    map[int]pipeline.Problem // of the publisher, by track
	gop         []*media.Chunk           // the newest GOP, and those before it in its chunk; one reference each
	gopBytes    int
}

// setTracks hands the open chunk out and goes on with other tracks.
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

// fanOut is the builder's emit: it owns the chunk's first reference.
func (s *stream) fanOut(c *media.Chunk) {
	s.bytes.Add(uint64(c.Bytes()))
	s.share(c, s.keepsGOP())
	s.hub.cfg.Budget.Relieve()
}

// keepsGOP reports whether the newest GOP is kept. The recordings are asked again
// only when their generation is not the one of the answer that is remembered.
func (s *stream) keepsGOP() bool {
	r := s.hub.recordings
	if r == nil {
		return true
	}
	generation := r.Generation() + 1 // read before the question; never 0, which is no answer
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

// keep owns a reference: the chunk joins the newest GOP or begins it, where that
// is wanted.
func (s *stream) keep(c *media.Chunk, wanted bool) {
	if c.StartsGOP || !wanted {
		s.dropGOP()
	}
	over := s.gopBytes+c.Memory() > s.hub.cfg.MaxGOPBytes
	if !wanted || over || len(s.gop) == 0 && !c.StartsGOP {
		// A GOP that does not fit is of no use in part: its key frame is what
		// a recording would begin with.
		s.dropGOP()
		c.Release()
		return
	}
	s.gop = append(s.gop, c)
	s.gopBytes += c.Memory()
}

func (s *stream) dropGOP() {
	for i, c := range s.gop {
		c.Release()
		s.gop[i] = nil
	}
	s.gop, s.gopBytes = s.gop[:0], 0
}

// detach ends a publication for the subscriptions.
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

// lastAccessUnit is when the last one was; zero before the first.
func (s *stream) lastAccessUnit() (t time.Time) {
	if ns := s.lastAU.Load(); ns != 0 {
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

// flush hands out the chunk that the publisher is filling.
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
