package stages

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// SegmenterConfig configures when a file ends and the next one begins.
type SegmenterConfig struct {
	MaxDuration config.Duration `yaml:"max_duration" inherit:"mp4.max_duration" takes:"nothing" doc:"longest file; it is cut at the next key frame, however late that comes; 0 is no limit"`
	MaxSize     config.Size     `yaml:"max_size" inherit:"mp4.max_file_size" takes:"nothing" doc:"largest file; it is cut at the last key frame before this size, and without one at four times this size; 0 is no limit"`
	Align       config.Duration `yaml:"align" takes:"nothing" doc:"cut by the wall clock, at the first key frame at or after each multiple of this since midnight, such as 15m: at :00, :15, :30 and :45; it must divide a day; 0 is off"`
	Timezone    string          `yaml:"timezone" inherit:"mp4.timezone" reaches:"nothing" doc:"time zone of that clock, such as Europe/Berlin; empty is the machine's"`
}

func init() {
	pipeline.RegisterTransform("segmenter", SegmenterConfig{},
		"Cuts the stream into files at key frames: by duration, by size, by the wall clock, at a change of the tracks, and at a gap.",
		newSegmenter)
}

// segmenter groups chunks into segments, and emits them as parts.
//
// Invariant: a segment has one set of tracks, no gap inside, and begins with a sync sample.
type segmenter struct {
	cfg SegmenterConfig
	set pipeline.Settings

	clock        clockCut
	wall         wallClock
	cur          *media.Segment
	beganUTC     int64 // ns of UTC, begin of cur
	index        uint64
	startTicks   int64     // ticks of the lead track
	segmentBytes int64     // of media in cur
	gopBytes     int64     // of the newest GOP
	nextSeq      uint64    // of the next chunk; 0 before the first
	nextUTC      int64     // ns, end of the newest chunk
	gap          media.Gap // before the next chunk
	// leftUntil is Chunk.UntilNS of the previous chunk when that was left out, else 0.
	leftUntil int64
	// foretoldNS is the total of the gaps in the last open file that the next key frame's gap
	// repeats.
	foretoldNS int64
	apart      bool               // the next chunk belongs to another event: the media between is not missing
	events     []media.Event      // that the next media may belong to; replaced, never changed
	ends       map[media.ID]int64 // ns of UTC: each event's End minus the clock's steps, so that a step does not change it

	// Chunk.SteppedNS of the open file's first chunk, or of the last file's while no file is open;
	// and of the newest chunk.
	fileSteppedNS, newestSteppedNS int64
	behind                         bool // an earlier file exists, in this run or the run before

	waiting atomic.Bool // for a key frame
	gaps    atomic.Uint64

	forgotten atomic.Uint64 // events that the following files do not name

	keylessNS int64  // ns of media since the newest key frame
	pictures  bool   // some of the chunks left out held pictures
	overdue   bool   // the open segment exceeds twice a limit, which was reported
	starved   bool   // no segment is open for lack of a key frame, which was reported
	warned    uint64 // number of warnings about it
	trouble   atomic.Pointer[pipeline.Problem]

	fileRate     breakBudget
	overFileRate bool // nothing is recorded until the budget allows a file
	tooMany      dropped
	files        atomic.Pointer[pipeline.Problem] // too many

	early, late dropped // before the run's first key frame; and behind a segment that ended without the next key frame
}

func newSegmenter(set pipeline.Settings, cfg SegmenterConfig) (pipeline.Transform[*media.Chunk, media.Part], error) {
	clock, err := newClockCut(cfg)
	if err != nil {
		return nil, err
	}
	s := &segmenter{cfg: cfg, set: set, clock: clock, ends: map[media.ID]int64{}}
	s.waiting.Store(true)
	if left, is := set.Handover.Take(set.Stage).(leftGap); is {
		s.gap, s.fileSteppedNS, s.behind = left.gap, left.steppedNS, true
	}
	return s, nil
}

// Process emits a chunk as a part. When a segment ends before the chunk, Process emits the end
// first.
func (s *segmenter) Process(_ context.Context, c *media.Chunk, emit pipeline.Emit[media.Part]) error {
	if c.Mark != nil {
		defer c.Release()
		return s.obey(c.Mark, emit)
	}
	s.noteGap(c)
	end := s.cut(c)
	if end != "" {
		if err := s.endBefore(c, end, emit); err != nil {
			c.Release()
			return err
		}
	}
	if s.restless(c, end) {
		return nil
	}
	if s.cur == nil && !c.StartsGOP {
		if c = s.fromKeyFrame(c); c == nil {
			return nil
		}
	}
	for {
		s.seeKeyFrame(c)
		at, why := s.cutWithin(c)
		if at < 0 {
			return s.pass(c, emit)
		}
		var head *media.Chunk
		head, c = c.Split(at)
		err := s.pass(head, emit)
		if err == nil {
			err = s.end(why, emit)
		}
		if err != nil {
			c.Release()
			return err
		}
	}
}

// Flush ends the open segment with the run's end reason.
func (s *segmenter) Flush(ctx context.Context, emit pipeline.Emit[media.Part]) error {
	return s.end(media.Cause(pipeline.EndReason(ctx)), emit)
}

// Close leaves the gap since the last file to the next run.
func (s *segmenter) Close() error {
	if s.behind && !s.apart {
		s.set.Handover.Leave(s.set.Stage, leftGap{s.gap, s.fileSteppedNS})
	}
	return nil
}

// Report reports the wait for a key frame, the gaps and the drops.
func (s *segmenter) Report(r *pipeline.Report) {
	if s.waiting.Load() && r.Waiting == "" {
		r.Waiting = "key frame"
	}
	r.Gaps = s.gaps.Load()
	s.early.report(r, s.set.Stage, media.DropBeforeKeyFrame)
	s.late.report(r, s.set.Stage, string(media.GapNoKeyFrame))
	s.tooMany.report(r, s.set.Stage, string(media.GapTooManyFiles))
	if p := s.files.Load(); p != nil {
		r.Problems = append(r.Problems, *p)
	}
	if n := s.forgotten.Load(); n > 0 {
		r.Warnings = append(r.Warnings, fmt.Sprintf("%d events are recorded only in the file of their trigger, not in the following files: more than %d events last at the same time", n, media.MaxOpenEvents))
	}
	if p := s.trouble.Load(); p != nil {
		r.Problems = append(r.Problems, *p)
	}
}

func (s *segmenter) obey(m *media.Mark, emit pipeline.Emit[media.Part]) error {
	switch m.Kind {
	case media.MarkEnd:
		if m.End == endcause.Event {
			s.apart, s.events = true, nil
			clear(s.ends)
		}
		return s.end(m.End, emit)
	case media.MarkEvent:
		s.wall.step(s.set.Clock)
		s.remember(m.Event)
		if s.cur != nil && m.Event.EndUTC > s.beganUTC+s.wall.stepped-s.fileSteppedNS { // else the event belongs to earlier files only
			return emit(media.Part{Segment: s.cur, Event: m.Event})
		}
	case media.MarkRaised: // Plan.CheckMode refuses such a pipeline
		s.set.Log.Warn("an event is not recorded: no stage sets its interval", "event", m.Raised.ID, "name", m.Raised.Name)
	case media.MarkGap: // gaps may follow each other: the hub dropped media, and the ring dropped the media behind it
		s.gap = s.gap.Plus(m.Gap)
	}
	return nil
}

// cut returns the reason why the open segment ends before a chunk, or "".
func (s *segmenter) cut(c *media.Chunk) media.Cause {
	switch {
	case s.cur == nil:
		return ""
	case c.Set != s.cur.Set && !c.Set.Same(s.cur.Set):
		return endcause.TracksChanged
	case !s.gap.None():
		return endcause.Gap
	}
	if why := s.limit(c); why != "" {
		return why
	}
	if c.StartsGOP {
		return s.clock.due(c.UTC)
	}
	return ""
}

// limit returns the limit that a chunk exceeds, or "".
func (s *segmenter) limit(c *media.Chunk) media.Cause {
	switch {
	case c.StartsGOP:
		return s.reached(s.lasted(c), s.segmentBytes, s.gopBytes)
	case s.tooLarge(c):
		return endcause.MaxSize
	}
	return ""
}

// reached returns the limit that a segment has reached before a GOP, or "". The segment lasts
// lasted ns and has so many bytes; gop is the bytes of its last GOP, which bytes includes.
func (s *segmenter) reached(lasted, bytes, gop int64) media.Cause {
	maxTime, maxSize := int64(s.cfg.MaxDuration), int64(s.cfg.MaxSize)
	switch {
	case maxTime > 0 && lasted >= maxTime:
		return endcause.MaxDuration
	case maxSize > 0 && bytes+gop > maxSize: // the estimate for the next GOP is the size of the last
		return endcause.MaxSize
	}
	return ""
}

// lasted returns the duration of the open segment before a chunk, in ns of media time, or of the
// wall clock when the chunk has nothing of the lead track.
func (s *segmenter) lasted(c *media.Chunk) int64 {
	if lead := c.Lead(); lead.Len() > 0 {
		return media.ToNanos(lead.DTS[0]-s.startTicks, c.Set.Tracks[c.Set.Lead()].Timescale)
	}
	return c.UTC - s.beganUTC
}

func (s *segmenter) pass(c *media.Chunk, emit pipeline.Emit[media.Part]) error {
	first := s.cur == nil
	if first {
		s.begin(c)
	}
	s.count(c)
	s.leftUntil = 0
	s.foretell(c)
	return emit(media.Part{Segment: s.cur, First: first, Chunk: c})
}

func (s *segmenter) begin(c *media.Chunk) {
	s.index++
	s.cur = &media.Segment{
		ID:     media.NewID(s.set.Clock.Now()),
		Stream: s.set.Stream, Pipeline: s.set.Pipeline,
		Set: c.Set, Index: s.index, StartUTC: c.UTC, Gap: s.gap, Events: s.current(c.UTC - c.SteppedNS),
		MaxDuration: s.clock.longest(s.cfg.MaxDuration.D()), MaxBytes: int64(s.cfg.MaxSize),
	}
	s.beganUTC, s.fileSteppedNS, s.behind = c.UTC, c.SteppedNS, true
	s.clock.begin(c.UTC)
	if !s.gap.None() {
		s.gaps.Add(1)
		s.tell()
	}
	s.gap = media.Gap{}
	s.segmentBytes, s.gopBytes = 0, 0
	s.startTicks = 0
	if lead := c.Lead(); lead.Len() > 0 {
		s.startTicks = lead.DTS[0]
	}
	s.waiting.Store(false)
}

// remember keeps an event for the following files. Its times refer to the present clock.
func (s *segmenter) remember(e *media.Event) {
	open := s.current(e.AtUTC - s.wall.stepped)
	if len(open) >= media.MaxOpenEvents && !slices.ContainsFunc(open, func(o media.Event) bool { return o.ID == e.ID }) {
		s.forgotten.Add(1)
		return
	}
	s.ends[e.ID] = max(s.ends[e.ID], e.EndUTC-s.wall.stepped)
	s.events = media.JoinOpen(open, *e)
}

// current returns the events that have not ended at a time, in ns of UTC minus Stepped.
func (s *segmenter) current(at int64) []media.Event {
	s.events = slices.DeleteFunc(slices.Clone(s.events), func(e media.Event) bool {
		over := s.ends[e.ID] <= at
		if over {
			delete(s.ends, e.ID)
		}
		return over
	})
	return s.events
}

func (s *segmenter) end(why media.Cause, emit pipeline.Emit[media.Part]) error {
	return s.endWith(media.Part{End: why}, emit)
}

// endBefore ends the open segment before a chunk.
func (s *segmenter) endBefore(c *media.Chunk, why media.Cause, emit pipeline.Emit[media.Part]) error {
	return s.endWith(media.Part{End: why, Gap: c.StartsGOP && s.gap.DurationNS > 0}, emit)
}

func (s *segmenter) endWith(p media.Part, emit pipeline.Emit[media.Part]) error {
	if s.cur == nil {
		return nil
	}
	p.Segment = s.cur
	s.cur = nil
	s.waiting.Store(true)
	s.keyFrameCame()
	return emit(p)
}
