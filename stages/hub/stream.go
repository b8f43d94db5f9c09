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

// stream is one path of the hub: its publisher, its newest GOP and its subscriptions.
type stream struct {
	hub  *Hub
	path string
	log  *slog.Logger
	refs int // number of publishers, subscriptions and calls of Forget that use the stream; guarded by hub.mu

	builder    *media.Builder // the publisher's mutex guards it
	generation atomic.Uint64

	accessUnits, bytes atomic.Uint64
	lastAccessUnitUTC  atomic.Int64 // ns of UTC; 0 before the first
	drops, repairs     counts

	configured atomic.Bool
	refused    atomic.Uint64 // number of publishers refused with ErrBusy

	pullFailures atomic.Uint64

	readers atomic.Pointer[readers] // newest result of Recordings.MayBegin; nil: none yet

	mu             sync.Mutex    // guards the fields below
	always         bool          // StreamConfig.Always
	override       bool          // StreamConfig.Override
	readTimeout    time.Duration // 0: Config.ReadTimeout
	wallClock      string        // empty: Config.WallClock
	g711           string        // StreamConfig.G711
	pull           *pull
	pub            *Publisher
	set            *media.TrackSet // track set of pub; nil until known
	reconnectGrace time.Duration   // StreamConfig.ReconnectGrace
	awaited        *awaited        // nil: none
	left           time.Time       // when the newest former publisher left; zero before
	silence        silence
	named          time.Time // when the configuration began to name the path; zero: it does not name it
	subs           map[*Subscription]struct{}
	problems       map[int]pipeline.Problem // problems that pub reported, by its numbers of the tracks
	// gop holds the newest chunk that begins with a key frame, and all later chunks: the newest GOP,
	// and possibly GOPs before it. gopBytes is their memory. The stream owns one reference of each
	// chunk.
	gop      []*media.Chunk
	gopBytes int
	units    liveUnits
}

// setTracks makes set the track set of the media that follows. It first emits the publisher's
// unfinished chunk. It drops the newest GOP of the stream, which has other tracks.
func (s *stream) setTracks(set *media.TrackSet) {
	back := s.returns(set)
	if back {
		s.builder.Rejoin()
		set = s.builder.Set() // the same tracks: the file goes on
	} else {
		s.builder.SetTracks(set)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.set == nil && !s.left.IsZero() && !back {
		s.builder.Return(s.hub.cfg.Clock.Now().Sub(s.left))
	}
	s.set = set
	s.dropGOP()
	s.tracksKnown()
	for sub := range s.subs {
		sub.attached()
	}
}

// readers is a result of Recordings.MayBegin.
type readers struct {
	generation uint64 // Recordings.Generation before the call
	may        bool
	jobs       int
}

// fanOut passes a chunk of the builder to every subscription, and adds it to the newest GOP if a
// recording may need it. It takes over the chunk's only reference. Then it relieves the memory
// budget.
func (s *stream) fanOut(c *media.Chunk) {
	s.bytes.Add(uint64(c.Bytes()))
	s.share(c, s.mayBegin())
	s.hub.cfg.Budget.Relieve()
}

// mayBegin returns the present result of Recordings.MayBegin, which it calls only if
// Recordings.Generation has changed since the last call.
func (s *stream) mayBegin() *readers {
	r := s.hub.recordings
	if r == nil || s.hub.cfg.ServesReaders {
		return &always
	}
	generation := r.Generation() // read before the call of MayBegin
	is := s.readers.Load()
	if is == nil || is.generation != generation {
		is = &readers{generation: generation}
		is.may, is.jobs = r.MayBegin(s.path)
		s.readers.Store(is)
	}
	return is
}

// wanted reports whether the stream has a subscription, or a reader or a window, or is always pulled. The caller holds s.mu.
func (s *stream) wanted() bool {
	return len(s.subs)+s.units.users > 0 || s.always && s.hub.pullsAlways.Load()
}

// always is the result for a hub without Recordings, or with Config.ServesReaders.
var always = readers{may: true}

// share passes a chunk to every subscription. It keeps the chunk for a recording that may begin, and for a job that has
// no subscription yet, or has lost it.
func (s *stream) share(c *media.Chunk, by *readers) {
	s.mu.Lock()
	defer s.mu.Unlock()
	reading := 0
	for sub := range s.subs {
		if sub.push(c.Retain()) {
			reading++
		}
	}
	s.keep(c, by.may || reading < by.jobs)
}

// keep takes over a reference of a chunk, and adds the chunk to the newest GOP; a chunk that begins
// with a key frame replaces that GOP. keep instead releases the chunk and drops the newest GOP if
// wanted is false, if the GOP would exceed Config.MaxGOPBytes, or if no kept key frame precedes the
// chunk.
func (s *stream) keep(c *media.Chunk, wanted bool) {
	if c.StartsGOP || !wanted {
		s.dropGOP()
	}
	over := s.gopBytes+c.MemoryBytes() > s.hub.cfg.MaxGOPBytes
	if !wanted || over || len(s.gop) == 0 && !c.StartsGOP {
		// A recording begins with a GOP's key frame, so a part of a GOP without the key frame is
		// useless.
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

// detach removes p from the stream and ends the subscriptions with the reason, unless the publisher
// is awaited (see awaited). p may come back if mayReturn is true. If p is not the stream's publisher,
// detach does nothing and returns the zero Departure.
func (s *stream) detach(p *Publisher, reason media.Cause, mayReturn bool) (d Departure) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pub != p {
		return d
	}
	set := s.set
	s.pub, s.set, s.problems = nil, nil, nil
	s.left = s.hub.cfg.Clock.Now()
	s.dropGOP()
	// A publisher whose tracks never became known leaves nothing behind: another one may still be awaited.
	if s.awaited == nil && !(mayReturn && s.await(set, p.opts.Client, reason)) {
		for sub := range s.subs {
			sub.end(reason)
		}
	}
	if s.units.ring != nil {
		s.units.ring.End(reason)
	}
	d = Departure{Path: s.path, Last: s.lastAccessUnit(), Since: s.left}
	if s.silence.is {
		d.Since = s.silence.at
	}
	return d
}

// lastAccessUnit returns the wall-clock time of the stream's newest access unit, or the zero time
// before the first one.
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

// flush makes the publisher emit its unfinished chunk.
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
