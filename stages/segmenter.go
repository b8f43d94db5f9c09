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

// segmenter cuts the stream into segments, and emits them as parts.
//
// Invariant: a segment has one track set, begins with a sync sample, and has no gap at which a new
// file would begin.
type segmenter struct {
	cfg SegmenterConfig
	set pipeline.Settings

	clock        clockCut
	wall         wallClock
	cur          *media.Segment
	beganUTC     int64     // ns of UTC, begin of cur
	index        uint64    // number of segments begun by this run
	startTicks   int64     // begin of cur on the lead track
	segmentBytes int64     // media in cur
	gopBytes     int64     // media in the newest GOP of cur
	nextSeq      uint64    // expected sequence number of the next chunk; 0 before the first
	nextUTC      int64     // ns of UTC, end of the newest chunk
	gap          media.Gap // gap before the next segment, as far as it is known
	// leftUntilSteadyUTC is Chunk.EndSteadyUTC of the previous chunk if that chunk was left out,
	// else 0.
	leftUntilSteadyUTC int64
	// foretoldNS is the total duration of the gaps that the newest file lists, and that Chunk.Gap of
	// the next key frame will contain, too.
	foretoldNS int64
	apart      bool               // the next chunk belongs to another event: nothing is missing before it
	events     []media.Event      // events that the following media may belong to; the slice is replaced, never changed
	ends       map[media.ID]int64 // end of each event: ns of UTC less the steps of the wall clock

	// fileSteppedNS is Chunk.SteppedNS of the first chunk of the open file, or of the newest file if
	// none is open. newestSteppedNS is Chunk.SteppedNS of the newest chunk.
	fileSteppedNS, newestSteppedNS int64
	behind                         bool // this run, or the run before it, has begun a file

	waiting atomic.Bool // no segment is open: the next one waits for a key frame
	gaps    atomic.Uint64

	forgotten atomic.Uint64 // events beyond media.MaxOpenEvents, which later files do not name

	keylessNS int64                            // duration of the media since the newest key frame
	pictures  bool                             // a chunk that was left out had pictures
	overdue   bool                             // the open segment has reached twice a limit, and warn was called
	starved   bool                             // no segment is open for lack of a key frame, and warn was called
	warned    uint64                           // number of warnings about missing key frames
	trouble   atomic.Pointer[pipeline.Problem] // problem of missing key frames; nil: none

	fileRate     breakBudget
	overFileRate bool // media is left out until the budget allows another file
	tooMany      dropped
	files        atomic.Pointer[pipeline.Problem] // problem of too many files; nil: none

	others      otherVideo
	early, late dropped // media left out for lack of a key frame: before the run's first segment, and later
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

// Process emits a chunk as one or several parts. Where the open segment ends, before the chunk or
// at a GOP within it, Process emits the end of the segment; the following media begins the next
// one. It leaves out and counts media that no segment can begin with, and media beyond the budget
// of files.
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

// Close hands the gap since the last file over to the next run.
func (s *segmenter) Close() error {
	if s.behind && !s.apart {
		s.set.Handover.Leave(s.set.Stage, leftGap{s.gap, s.fileSteppedNS})
	}
	return nil
}

// Report adds the wait for a key frame, the number of gaps, the media left out, and the problems.
func (s *segmenter) Report(r *pipeline.Report) {
	if s.waiting.Load() && r.Waiting == "" {
		r.Waiting = "key frame"
	}
	r.Gaps = s.gaps.Load()
	s.others.report(r)
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
		// An event that ended before the open file belongs to earlier files only.
		if s.cur != nil && m.Event.EndUTC > s.beganUTC+s.wall.stepped-s.fileSteppedNS {
			return emit(media.Part{Segment: s.cur, Event: m.Event})
		}
	case media.MarkRaised: // cannot happen: Plan.CheckMode refuses such a pipeline
		s.set.Log.Warn("an event is not recorded: no stage sets its interval", "event", m.Raised.ID, "name", m.Raised.Name)
	case media.MarkGap: // two gap marks may follow each other: one of the hub's queue, one of the ring
		s.gap = s.gap.Plus(m.Gap)
	}
	return nil
}

// cut returns the reason why the open segment ends before chunk c, or "" if it does not.
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

// limit returns the limit because of which the open segment ends before chunk c, or "" if none
// does.
func (s *segmenter) limit(c *media.Chunk) media.Cause {
	switch {
	case c.StartsGOP:
		return s.reached(s.lasted(c), s.segmentBytes, s.gopBytes)
	case s.tooLarge(c):
		return endcause.MaxSize
	}
	return ""
}

// reached returns the limit that a segment has reached before a GOP, or "" if none. lasted is the
// segment's duration in ns, bytes its size, and gop the size of its last GOP.
func (s *segmenter) reached(lasted, bytes, gop int64) media.Cause {
	maxTime, maxSize := int64(s.cfg.MaxDuration), int64(s.cfg.MaxSize)
	switch {
	case maxTime > 0 && lasted >= maxTime:
		return endcause.MaxDuration
	case maxSize > 0 && bytes+gop > maxSize: // the last GOP's size is the estimate for the next one
		return endcause.MaxSize
	}
	return ""
}

// lasted returns the duration of the open segment before a chunk, in ns. It is media time, or wall
// clock time if the chunk has no access unit of the lead track.
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
		s.others.begin(c.Set)
	}
	s.lookForOtherVideo(c)
	s.count(c)
	s.leftUntilSteadyUTC = 0
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

// remember keeps an event for the following files. If media.MaxOpenEvents other events are kept, it
// only counts the event. The event's times refer to the present wall clock.
func (s *segmenter) remember(e *media.Event) {
	open := s.current(e.AtUTC - s.wall.stepped)
	if len(open) >= media.MaxOpenEvents && !slices.ContainsFunc(open, func(o media.Event) bool { return o.ID == e.ID }) {
		s.forgotten.Add(1)
		return
	}
	s.ends[e.ID] = max(s.ends[e.ID], e.EndUTC-s.wall.stepped)
	s.events = media.JoinOpen(open, *e)
}

// current returns the kept events that end after at, and forgets the others. at is in ns of UTC
// less SteppedNS.
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

// endBefore ends the open segment before chunk c, for the reason why. Part.Gap is set if c begins
// with a key frame after missing media.
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
