package hub

import (
	"fmt"
	"sync"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// Publisher writes the media of one stream; a stream has at most one publisher at a time. One
// goroutine at a time may use a Publisher, except for Done and Close, which any goroutine may call.
type Publisher struct {
	stream *stream
	opts   PublishOptions
	began  func(path string) // called with the path when the tracks become known; may be nil
	done   chan struct{}

	leftOut []string // codecs of the tracks that cannot be recorded; guarded by the stream's mutex

	mu     sync.Mutex // orders Write and a concurrent Close; guards the fields below
	closed error      // result of the calls after the end; nil until then
	tracks *media.TrackSet
}

func newPublisher(s *stream, o PublishOptions, began func(path string)) *Publisher {
	return &Publisher{stream: s, opts: o, began: began, done: make(chan struct{})}
}

// attach makes p the stream's publisher. If the stream has a publisher already, attach ends that
// one if it is silent (see Publisher.silent), or if Override is set in the options of p or for the
// path. Otherwise it returns ErrBusy.
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
		end := func() { old.end(endcause.Replaced, ErrReplaced, silent) }
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

// SetTracks sets the tracks of the stream. The publisher calls it before the first Write and at
// every change. Different tracks begin a new segment in the recordings; equal tracks change
// nothing.
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

// Write adds an access unit of a track, given by its index in the tracks of SetTracks, and copies
// the payload. An error of package media means that the unit was left out and counted; the
// publisher may write the next one. ErrReplaced and ErrClosed mean that the publisher has ended.
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

// Lost adds n packets or access units, lost for a cause before they reached the hub, to the losses
// of the stream.
func (p *Publisher) Lost(cause string, n uint64) { p.stream.drops.add(cause, n) }

// Repaired adds n to the stream's number of repairs for a cause. A repair corrected the stream
// without the loss of a picture.
func (p *Publisher) Repaired(cause string, n uint64) { p.stream.repairs.add(cause, n) }

// Problem sets the present problem of a track; nil removes the problem. The publisher chooses the
// number of the track. After the end of the publisher, Problem does nothing.
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

// LeaveOut sets the codecs of the published tracks that cannot be recorded, for the status.
func (p *Publisher) LeaveOut(codecs []string) {
	p.stream.mu.Lock()
	defer p.stream.mu.Unlock()
	p.leftOut = codecs
}

// Done returns a channel that is closed when the publisher has ended: by Close, or because another
// publisher replaced it.
func (p *Publisher) Done() <-chan struct{} { return p.done }

// Close emits the unfinished chunk and ends the publication. The runs that read the stream end with
// the reason. See Disconnect. Only the first call of Close or Disconnect has an effect.
func (p *Publisher) Close(reason media.Cause) { p.end(reason, ErrClosed, false) }

// end ends the publication. If mayReturn is true, the runs wait for the publisher to come back.
func (p *Publisher) end(reason media.Cause, why error, mayReturn bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed != nil {
		return
	}
	p.closed = why
	p.stream.builder.Flush()
	departure, h := p.stream.detach(p, reason, mayReturn), p.stream.hub
	if p.tracks != nil && h.left != nil {
		h.left(departure)
	}
	close(p.done)
	h.leave(p.stream)
}
