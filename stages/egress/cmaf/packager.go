package cmaf

import (
	"context"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/live"
	"github.com/gospool/spool/stages/hub"
)

// The bounds of a part beside Config.Part.
const (
	maxPartUnits = 4096
	maxPartBytes = 64 << 20
)

// Packager makes the parts of one stream. It is safe for concurrent use.
type Packager struct {
	window
	cfg       Config
	path      string
	archive   Archive // nil: none
	clock     pipeline.Clock
	leadNS    int64         // time before the first part on the time line, for what was recorded before
	extending chan struct{} // holds a token while Use.Extend works

	// The fields below belong to the packager's task.
	init   *Init
	runs   []run   // of the open part, by track of init
	shifts []int64 // by track of init: added to a DTS to get the decode time, ticks
	open   *Part   // nil: the next unit begins a part
	inits  uint64  // number of the newest init

	set         *media.TrackSet // of the newest unit; nil after the end of a publisher
	begun       bool
	zeroNS      int64  // steady wall clock of time 0
	fromTicks   int64  // DTS of the lead track's first unit in the open part
	endNS       int64  // end of the media of all tracks, on the packager's time line
	segmentNS   int64  // duration of the closed parts of the open segment
	broken      bool   // the next part is discontinuous
	first       uint64 // number of the first part
	begunParts  uint64 // their number
	nextSegment uint64
	index       int   // of the next part in its segment
	breaks      int   // number of discontinuous parts
	sums        []Run // of the open segment, by track of init
}

// setUp prepares a packager that begins now. Its numbers begin where those of an earlier packager of the stream cannot be: a
// segment lasts a second, and a hundredth of a second begins at most one part. If playlists list what was recorded before, which has
// lower numbers, a millisecond counts one.
func (p *Packager) setUp(cfg Config, path string, clock pipeline.Clock, before time.Duration) {
	now := clock.Now()
	p.cfg, p.path, p.archive, p.clock, p.leadNS, p.extending = cfg, path, cfg.Archive, clock, before.Nanoseconds(), make(chan struct{}, 1)
	p.first, p.nextSegment, p.inits = uint64(now.UnixMilli()/10), uint64(now.Unix()), uint64(now.Unix())
	p.keepNS, p.maxBytes = cfg.Window.Nanoseconds(), cfg.MaxBytes
	if before > 0 {
		p.nextSegment = uint64(now.UnixMilli())
	}
	p.bounds = Limits{PartNS: cfg.Part.Nanoseconds(), SegmentNS: cfg.Longest.Nanoseconds()}
}

// run packages the units of a stream until ctx ends. It closes their reader.
func (p *Packager) run(ctx context.Context, units *hub.Reader) {
	defer p.window.close()
	defer units.Close()
	defer p.discard()
	for {
		u, err := units.Take(ctx)
		if err != nil {
			return
		}
		p.add(u)
	}
}

// add adds a unit to the open part, after it has closed a part that the unit does not belong to.
func (p *Packager) add(u *live.Unit) {
	if u.End != "" {
		p.flush()
		p.set = nil
		return
	}
	if u.Skipped > 0 && p.begunParts > 0 {
		p.flush() // a part has no hole in it
		p.broken = true
	}
	if u.Set != p.set {
		p.flush()
		p.begin(u)
	}
	i := p.trackOf(u.Track)
	if i < 0 || u.DTS+p.shifts[i] < 0 {
		return
	}
	r := &p.runs[i]
	if r.begun && u.DTS <= r.lastTicks {
		return
	}
	if r.begun && i == p.init.lead && media.ToNanos(u.DTS-r.lastTicks, p.timescale(i)) > p.window.limits().SegmentNS {
		p.flush() // the picture lasted longer than a segment may: the stream stood still
		p.broken = true
	}
	if p.open != nil && p.closes(i, u) {
		if i == p.init.lead {
			p.runs[i].cols.EndTicks = u.DTS
			p.close(true)
		} else {
			p.flush()
		}
	}
	if p.open == nil && !p.openPart(i, u) {
		return
	}
	p.put(r, i, u)
}

// begin continues the time line with another track set, whose first unit is u.
func (p *Packager) begin(u *live.Unit) {
	p.set = u.Set
	if p.init == nil || !p.init.set.Same(u.Set) {
		p.inits++
		p.init = newInit(p.inits, u.Set)
		if p.init == nil {
			p.runs, p.shifts = nil, nil
			p.window.describe(nil)
			return
		}
		p.runs, p.shifts = make([]run, len(p.init.tracks)), make([]int64, len(p.init.tracks))
	}
	for i := range p.runs {
		p.runs[i].begun, p.runs[i].deltaTicks = false, 0
	}
	steadyNS := u.UTC - u.SteppedNS
	if !p.begun {
		p.begun, p.zeroNS = true, steadyNS-p.leadNS
	} else {
		p.broken = true
	}
	at := max(steadyNS-p.zeroNS, p.endNS)
	shiftNS := at - media.ToNanos(u.DTS, u.Set.Tracks[u.Track].Timescale)
	for i := range p.shifts {
		p.shifts[i] = media.FromNanos(shiftNS, u.Set.Tracks[p.init.tracks[i].from].Timescale)
	}
	p.window.describe(p.init)
}

func (p *Packager) trackOf(from int) int {
	if p.init == nil {
		return -1
	}
	return slices.IndexFunc(p.init.tracks, func(t track) bool { return t.from == from })
}

func (p *Packager) timescale(i int) uint32 { return p.init.set.Tracks[p.init.tracks[i].from].Timescale }

// closes reports whether the open part ends before the unit u of track i.
func (p *Packager) closes(i int, u *live.Unit) bool {
	if p.open.Units >= maxPartUnits || p.open.SizeBytes+u.SizeBytes > maxPartBytes {
		return true
	}
	if i != p.init.lead || p.runs[i].cols.Len() == 0 {
		return false
	}
	lasted := media.ToNanos(u.DTS-p.fromTicks, p.timescale(i))
	if u.StartsGOP && p.segmentNS+lasted >= p.cfg.Segment.Nanoseconds() {
		return true
	}
	next := media.ToNanos(u.DTS-p.fromTicks+(u.DTS-p.runs[i].lastTicks), p.timescale(i)) // with u
	return next > p.window.limits().PartNS
}

// openPart begins a part with the unit u of track i. It returns false, and begins none, before the first key frame.
func (p *Packager) openPart(i int, u *live.Unit) bool {
	key := i == p.init.lead && u.StartsGOP
	if (p.broken || p.begunParts == 0) && !key {
		return false
	}
	first := p.broken || p.begunParts == 0 || p.segmentEnds(key)
	if first {
		p.segmentNS, p.index = 0, 0
		p.nextSegment++
	}
	p.open = &Part{
		Init: p.init, Number: p.first + p.begunParts, Segment: p.nextSegment - 1, Index: p.index, First: first, BeginsGOP: key,
		Discontinuous: p.broken, Discontinuities: p.breaks,
	}
	p.open.refs.Store(1)
	if p.broken {
		p.breaks++
	}
	p.begunParts, p.index, p.broken = p.begunParts+1, p.index+1, false
	return true
}

// segmentEnds reports whether the open segment ends before the next part, which begins with a key frame or not. A segment ends
// before a key frame, or else before the part with which it could be too long.
func (p *Packager) segmentEnds(key bool) bool {
	if key {
		return p.segmentNS >= p.cfg.Segment.Nanoseconds()
	}
	limits := p.window.limits()
	return p.segmentNS+limits.PartNS > limits.SegmentNS
}

// put adds u to the open part.
func (p *Packager) put(r *run, i int, u *live.Unit) {
	if i == p.init.lead && r.cols.Len() == 0 {
		p.open.StartUTC, p.fromTicks = u.UTC, u.DTS
	}
	if r.begun {
		r.deltaTicks = u.DTS - r.lastTicks
	}
	r.begun, r.lastTicks = true, u.DTS
	flags := uint8(0)
	if u.Sync {
		flags = media.FlagSync
		p.open.Independent = p.open.Independent || u.StartsGOP
	}
	c := &r.cols
	c.DTS, c.OffsetTicks = append(c.DTS, u.DTS), append(c.OffsetTicks, int32(u.PTS-u.DTS))
	c.SizeBytes, c.Flags = append(c.SizeBytes, uint32(u.SizeBytes)), append(c.Flags, flags)
	r.body, r.bytes = u.Slices(r.body), r.bytes+u.SizeBytes
	p.open.Units++
	p.open.SizeBytes += u.SizeBytes
	if n := len(p.open.chunks); n == 0 || p.open.chunks[n-1] != u.Chunk() {
		p.open.chunks = append(p.open.chunks, u.Chunk().Retain())
	}
}

// flush closes the open part, whose next unit is not known.
func (p *Packager) flush() {
	if p.open != nil {
		p.close(false)
	}
}

// close completes the open part, and puts it into the window. exact reports that the end of the lead track is set.
func (p *Packager) close(exact bool) {
	part := p.open
	p.open = nil
	for i := range p.runs {
		if !exact || i != p.init.lead {
			p.runs[i].end(&p.init.set.Tracks[p.init.tracks[i].from])
		}
	}
	part.SizeBytes = 0
	if lead := &p.runs[p.init.lead].cols; lead.Len() > 0 {
		part.LeadUnits = lead.Len()
		part.DurationNS = media.ToNanos(lead.EndTicks-lead.DTS[0], p.timescale(p.init.lead))
	}
	for i := range p.runs {
		if c := &p.runs[i].cols; c.Len() > 0 {
			p.endNS = max(p.endNS, media.ToNanos(c.EndTicks+p.shifts[i], p.timescale(i)))
		}
	}
	if p.sums = p.account(part); p.sums != nil {
		part.runs = slices.Clone(p.sums)
	}
	part.assemble(p.runs, p.shifts)
	p.segmentNS += max(part.DurationNS, 1)
	for i := range p.runs {
		p.runs[i].reset()
	}
	p.window.push(part)
}

// account adds the samples of a part that ends to those of its segment, and returns their sum; nil if playlists list nothing of the
// past, or did not when the segment began.
func (p *Packager) account(part *Part) []Run {
	sums := p.sums
	switch {
	case !p.window.listsPast():
		return nil
	case part.First:
		sums = make([]Run, len(p.runs))
	case sums == nil:
		return nil
	}
	for i := range p.runs {
		c, sum := &p.runs[i].cols, &sums[i]
		if c.Len() == 0 {
			continue
		}
		if sum.Samples == 0 {
			sum.FromTicks = c.DTS[0] + p.shifts[i]
		}
		sum.UntilTicks = c.EndTicks + p.shifts[i]
		for _, size := range c.SizeBytes {
			sum.Count(size)
		}
	}
	return sums
}

// discard releases the open part.
func (p *Packager) discard() {
	if p.open != nil {
		p.open.Release()
		p.open = nil
	}
}
