package hub

import (
	"fmt"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// Publisher is the only writer of a stream. One goroutine may use it at a time, except for Done and
// Close, which any goroutine may call.
type Publisher struct {
	stream *stream
	opts   PublishOptions
	began  func(path string) // called once, when the tracks are known; may be nil
	done   chan struct{}

	leftOut []string // guarded by the stream's mutex

	mu     sync.Mutex // orders Write and a concurrent Close
	closed error      // the error of later calls; nil while open
	tracks *media.TrackSet
}

func newPublisher(s *stream, o PublishOptions, began func(path string)) *Publisher {
	return &Publisher{stream: s, opts: o, began: began, done: make(chan struct{})}
}

// attach makes p the publisher. It replaces another publisher where that is allowed.
func (s *stream) attach(p *Publisher) error {
	for {
		s.mu.Lock()
		old := s.pub
		if old == nil {
			s.pub = p
			s.mu.Unlock()
			return nil
		}
		override := p.opts.Override || s.override
		s.mu.Unlock()
		silent, silence := old.silent(p.opts.Client)
		end := func() { old.end(endcause.Replaced, ErrReplaced) }
		switch {
		case silent && silence == NotBegun:
			s.log.Warn("publisher replaced: it was announced and sent nothing", "old", old.opts.Origin, "new", p.opts.Origin)
			old.opts.GiveUp(end)
		case silent:
			s.log.Warn("publisher replaced: it was silent", "old", old.opts.Origin, "new", p.opts.Origin, "silent_for", silence.Round(time.Millisecond))
			old.opts.GiveUp(end)
		case override:
			s.log.Warn("publisher replaced", "old", old.opts.Origin, "new", p.opts.Origin)
			end()
		default:
			s.refused.Add(1)
			return fmt.Errorf("%w: %s, which has sent media in the last %v", ErrBusy, old.opts.Origin, max(silence.Round(time.Millisecond), time.Millisecond))
		}
	}
}

// SetTracks sets the tracks, before the first Write and at every change. A change begins a new
// segment. The same tracks again are no change.
func (p *Publisher) SetTracks(tracks []media.Track) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != nil {
		return p.closed
	}
	set, err := media.NewTrackSet(p.stream.generation.Add(1), tracks)
	if err != nil {
		return err
	}
	if p.tracks.Same(set) {
		return nil
	}
	first := p.tracks == nil
	p.tracks = set
	p.stream.setTracks(set)
	if first && p.began != nil {
		p.began(p.stream.path)
	}
	return nil
}

// Write adds an access unit and copies its payload. After an error of package media, the unit was
// left out and counted, and the next one may follow. ErrReplaced and ErrClosed mean that the
// publisher has ended.
func (p *Publisher) Write(track int, au *media.AU) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != nil {
		return p.closed
	}
	s := p.stream
	err := s.builder.Append(track, au)
	s.lastAccessUnitUTC.Store(au.UTC)
	if err != nil {
		s.drops.add(media.DropCauseOf(err), 1)
		return err
	}
	s.accessUnits.Add(1)
	return nil
}

func (p *Publisher) flush() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed == nil && p.tracks != nil {
		p.stream.builder.Flush()
	}
}

// Lost counts packets or access units that were lost before they reached the hub.
func (p *Publisher) Lost(cause string, n uint64) { p.stream.drops.add(cause, n) }

// Repaired counts repairs of the stream that cost no picture.
func (p *Publisher) Repaired(cause string, n uint64) { p.stream.repairs.add(cause, n) }

// Problem sets the present problem of a track, nil for none. The publisher numbers its tracks.
func (p *Publisher) Problem(track int, what *pipeline.Problem) {
	s := p.stream
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.pub != p:
	case what == nil:
		delete(s.problems, track)
	default:
		if s.problems == nil {
			s.problems = map[int]pipeline.Problem{}
		}
		one := *what
		one.Stream = s.path
		s.problems[track] = one
	}
}

// LeaveOut names the codecs of the published tracks that cannot be recorded.
func (p *Publisher) LeaveOut(codecs []string) {
	p.stream.mu.Lock()
	defer p.stream.mu.Unlock()
	p.leftOut = codecs
}

// Done is closed when the publisher has ended, by itself or because another one replaced it.
func (p *Publisher) Done() <-chan struct{} { return p.done }

// Close ends the publication and emits the unfinished chunk. Every recording of the stream gets the
// reason. Only the first call has an effect.
func (p *Publisher) Close(reason media.Cause) { p.end(reason, ErrClosed) }

func (p *Publisher) end(reason media.Cause, why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != nil {
		return
	}
	p.closed = why
	p.stream.builder.Flush()
	departure, h := p.stream.detach(p, reason), p.stream.hub
	if p.tracks != nil && h.left != nil {
		h.left(departure)
	}
	close(p.done)
	h.leave(p.stream)
}
