package stages

import (
	"context"
	"slices"
	"sync/atomic"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/spec"
)

// SegmenterConfig says when a file ends and the next begins.
type SegmenterConfig struct {
	MaxDuration spec.Duration `yaml:"max_duration" doc:"longest file; it is cut at the next key frame, 0 is no limit"`
	MaxSize     spec.Size     `yaml:"max_size" doc:"largest file; it is cut at the last key frame before, 0 is no limit"`
	Align       spec.Duration `yaml:"align" doc:"cut by the wall clock, at the first key frame at or after each multiple of this since midnight: 15m is a quarter to, past and the hour; it divides a day, 0 is off"`
	Timezone    string        `yaml:"timezone" doc:"of that clock, such as Europe/Berlin; empty is the machine's"`
}

func init() {
	pipeline.RegisterTransform("segmenter", SegmenterConfig{},
		"Cuts the stream into files, on key frames: by duration, by size, by the wall clock, where the tracks change, and where media is missing.",
		newSegmenter)
}

// segmenter turns chunks into the parts of segments.
//
// Invariant: a segment has one set of tracks, no gap inside, and begins with a
// sync sample, unless twice a limit passed without one.
type segmenter struct {
	cfg SegmenterConfig
	set pipeline.Settings

	clock    clockCut
	wall     wall
	cur      *media.Segment
	began    int64 // ns, UTC of its begin, by the wall clock as it is now
	index    uint64
	startDTS int64 // ticks of the lead track
	bytes    int64 // of media in the segment
	gopBytes int64 // of the GOP that is being received
	nextSeq  uint64
	gap      media.Gap     // before the next chunk
	apart    bool          // the next chunk belongs to another event: what is between was not asked for
	events   []media.Event // that what comes may belong to; replaced, never changed

	waiting atomic.Bool // for a key frame
	gaps    atomic.Uint64
	dropped atomic.Uint64 // access units before the first key frame
	lost    atomic.Uint64 // bytes of them
}

func newSegmenter(set pipeline.Settings, cfg SegmenterConfig) (pipeline.Transform[*media.Chunk, media.Part], error) {
	clock, err := newClockCut(cfg)
	if err != nil {
		return nil, err
	}
	s := &segmenter{cfg: cfg, set: set, clock: clock}
	s.waiting.Store(true)
	return s, nil
}

// Process hands the chunk on as a part, with the end of a segment before it
// where one ends.
func (s *segmenter) Process(_ context.Context, c *media.Chunk, emit pipeline.Emit[media.Part]) error {
	if c.Mark != nil {
		defer c.Release()
		return s.obey(c.Mark, emit)
	}
	s.follow(s.wall.step(c), c.UTC)
	s.noteGap(c)
	end := s.cut(c)
	if end != "" {
		if err := s.end(end, emit); err != nil {
			c.Release()
			return err
		}
	}
	if s.cur == nil && !c.StartsGOP && end != media.EndForced {
		s.dropped.Add(uint64(c.AccessUnits()))
		s.lost.Add(uint64(c.Bytes()))
		c.Release()
		return nil
	}
	return s.pass(c, emit)
}

// Flush ends the open segment for the run's reason.
func (s *segmenter) Flush(ctx context.Context, emit pipeline.Emit[media.Part]) error {
	return s.end(media.Cause(pipeline.EndReason(ctx)), emit)
}

// Report tells what is awaited and how often media was missing.
func (s *segmenter) Report(r *pipeline.Report) {
	if s.waiting.Load() && r.Waiting == "" {
		r.Waiting = "key frame"
	}
	r.Gaps = s.gaps.Load()
	if n := s.dropped.Load(); n > 0 {
		r.Drops = append(r.Drops, pipeline.Drop{Stage: s.set.Stage, Cause: "before_key_frame", AccessUnits: n, Bytes: s.lost.Load()})
	}
}

func (s *segmenter) obey(m *media.Mark, emit pipeline.Emit[media.Part]) error {
	switch m.Kind {
	case media.MarkEnd:
		if m.End == media.EndEvent {
			s.apart, s.events = true, nil
		}
		return s.end(m.End, emit)
	case media.MarkEvent:
		s.events = media.JoinEvent(s.current(m.Event.At), *m.Event)
		if s.cur != nil && m.Event.End > s.began { // else it is of the files before this one
			return emit(media.Part{Segment: s.cur, Event: m.Event})
		}
	case media.MarkGap: // one may follow another: the hub dropped something, and the ring what was behind it
		s.gap = s.gap.Plus(m.Gap)
	}
	return nil
}

// follow goes on by a wall clock that was set by so much, ns, and now shows utc.
func (s *segmenter) follow(step, utc int64) {
	s.began += step
	if step < 0 { // the next cut is not as far away as it seems
		s.clock.begin(utc)
	}
}

// noteGap collects what is missing before a chunk: said by a mark, by the chunk
// itself, or seen from a hole in the sequence.
func (s *segmenter) noteGap(c *media.Chunk) {
	switch {
	case !s.gap.None():
	case !c.Gap.None():
		s.gap = c.Gap
	case s.apart || s.set.Mode == pipeline.Event && s.nextSeq == 0:
	case s.nextSeq != 0 && c.Seq != s.nextSeq:
		s.gap = media.Gap{Cause: media.GapOverload, Chunks: int(c.Seq - s.nextSeq)}
	case s.nextSeq == 0 && s.set.After != nil:
		s.gap = gapSince(s.set.After, c.UTC)
	}
	s.nextSeq, s.apart = c.Seq+1, false
}

// gapSince is what an earlier run of the pipeline left missing by failing: since the
// last media that was written, by it or by one before it.
func gapSince(e *pipeline.Ended, utc int64) media.Gap {
	if e.Err == nil {
		return media.Gap{}
	}
	since := e.At
	if !e.Written.IsZero() {
		since = e.Written
	}
	return media.Gap{Cause: media.GapRestart, Duration: max(utc-since.UnixNano(), 0)}
}

// cut tells why the open segment ends before a chunk, or is empty.
func (s *segmenter) cut(c *media.Chunk) media.Cause {
	switch {
	case s.cur == nil:
		return ""
	case c.Set != s.cur.Set && !c.Set.Same(s.cur.Set):
		return media.EndTracks
	case !s.gap.None():
		return media.EndGap
	}
	if why := s.limit(c); why != "" {
		return why
	}
	return s.clock.due(c)
}

// limit tells which limit a chunk passes. A segment over twice a limit is cut
// where it stands: a stream that has lost its key frames must not fill a disk
// with one file.
func (s *segmenter) limit(c *media.Chunk) media.Cause {
	var lasted int64
	if lead := c.Lead(); lead.Len() > 0 {
		lasted = media.ToNanos(lead.DTS[0]-s.startDTS, c.Set.Tracks[c.Set.Lead()].Timescale)
	}
	maxTime, maxSize := int64(s.cfg.MaxDuration), int64(s.cfg.MaxSize)
	if c.StartsGOP {
		switch {
		case maxTime > 0 && lasted >= maxTime:
			return media.EndMaxDuration
		case maxSize > 0 && s.bytes+s.gopBytes > maxSize: // the next GOP is taken to be as large as the last
			return media.EndMaxSize
		}
		return ""
	}
	if maxTime > 0 && lasted >= 2*maxTime || maxSize > 0 && s.bytes >= 2*maxSize {
		return media.EndForced
	}
	return ""
}

func (s *segmenter) pass(c *media.Chunk, emit pipeline.Emit[media.Part]) error {
	first := s.cur == nil
	if first {
		s.begin(c)
	}
	if c.StartsGOP {
		s.gopBytes = 0
	}
	n := int64(c.Bytes())
	s.bytes += n
	s.gopBytes += n
	return emit(media.Part{Segment: s.cur, First: first, Chunk: c})
}

func (s *segmenter) begin(c *media.Chunk) {
	s.index++
	s.cur = &media.Segment{
		ID:     media.NewID(s.set.Clock.Now()),
		Stream: s.set.Stream, Pipeline: s.set.Pipeline,
		Set: c.Set, Index: s.index, StartUTC: c.UTC, Gap: s.gap, Events: s.current(c.UTC),
		MaxDuration: s.clock.longest(s.cfg.MaxDuration.D()), MaxBytes: int64(s.cfg.MaxSize),
	}
	s.began = c.UTC
	s.clock.begin(c.UTC)
	if !s.gap.None() {
		s.gaps.Add(1)
		s.tell()
	}
	s.gap = media.Gap{}
	s.bytes, s.gopBytes = 0, 0
	s.startDTS = 0
	if lead := c.Lead(); lead.Len() > 0 {
		s.startDTS = lead.DTS[0]
	}
	s.waiting.Store(false)
}

// current is the events that have not ended at a time.
func (s *segmenter) current(utc int64) []media.Event {
	s.events = slices.DeleteFunc(slices.Clone(s.events), func(e media.Event) bool { return e.End <= utc })
	return s.events
}

// tell logs the gap before a file.
func (s *segmenter) tell() {
	if s.gap.Cause == media.GapTimestampJump {
		s.set.Log.Warn("the sender's clock jumped: a new file begins, nothing is missing")
		return
	}
	s.set.Log.Warn("media is missing before this file",
		"cause", string(s.gap.Cause), "duration", time.Duration(s.gap.Duration).Round(time.Millisecond), "chunks", s.gap.Chunks)
}

func (s *segmenter) end(why media.Cause, emit pipeline.Emit[media.Part]) error {
	if s.cur == nil {
		return nil
	}
	seg := s.cur
	s.cur = nil
	s.waiting.Store(true)
	return emit(media.Part{Segment: seg, End: why})
}
