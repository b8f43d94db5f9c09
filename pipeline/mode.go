package pipeline

import "github.com/gospool/spool/pipeline/config"

// Mode decides when a pipeline records.
type Mode string

// The modes. The comment of each names what starts a recording.
const (
	ModeManual Mode = "manual" // a request
	ModeAlways Mode = "always" // the publisher's first media
	ModeEvent  Mode = "event"  // a trigger; the recording begins before it

	// ModeWatched records nothing: the pipeline ends in an output, which runs while a client watches.
	ModeWatched Mode = "watched"
)

// CheckMode returns a problem for each stage that cannot work in the mode m at its place in the plan, branches
// included.
func (p *Plan) CheckMode(m Mode) config.Problems {
	c := modeCheck{mode: m}
	c.output(p)
	c.walk(p, passed{})
	return c.problems
}

// passed holds two of the stages that come before a stage in the flow. holder has the trait HoldsForEvents and
// keyFrames the trait GivesKeyFrames. Either is nil if no stage before has the trait.
type passed struct{ holder, keyFrames *declared }

type modeCheck struct {
	mode     Mode
	problems config.Problems
}

// walk checks each stage of p, in the order of the flow, and the branches that the stage feeds. way holds what the
// check must remember of the stages that come before those of p: see passed.
func (c *modeCheck) walk(p *Plan, way passed) {
	for i := range p.stages {
		d := &p.stages[i]
		tails := d.tails()
		c.holder(d, &way)
		c.keyFrames(d, &way)
		if d.has(RaisesEvents) && !p.completes(i+1) {
			c.add(d, "put gop_ring behind "+d.Name+": it says what an event lasts", "the events of %s are lost: no stage behind it says from when to when they are recorded", d.Name)
		}
		if d.Kind == KindSink && len(tails) == 0 && c.mode == ModeEvent && way.holder == nil {
			c.unheld(p)
		}
		for _, tail := range tails {
			c.walk(tail, way)
		}
	}
}

// output adds a problem if the plan has an output and the mode is not watched, or the reverse.
func (c *modeCheck) output(p *Plan) {
	last := &p.stages[len(p.stages)-1]
	switch is := last.Kind == KindOutput; {
	case is && c.mode != ModeWatched:
		c.add(last, "write record: watched, or leave record out", "%s records nothing: it runs while a client watches, and record is %s", last.Name, c.mode)
	case !is && c.mode == ModeWatched:
		c.add(last, "write stages: [source, live: {}], or another record", "record: watched records nothing: the pipeline must end in an output, and %s is a %s", last.Name, last.Kind)
	}
}

// holder adds a problem if the stage d holds media back until a trigger (HoldsForEvents) and an earlier stage does
// so already: that stage consumes the triggers, so d would hold the media back for ever. It records d in way. It
// does nothing in a mode other than event.
func (c *modeCheck) holder(d *declared, way *passed) {
	if c.mode != ModeEvent || !d.has(HoldsForEvents) {
		return
	}
	if way.holder != nil {
		c.add(d, "take one of the two out", "the %s before it waits for the same events: this one would hold back for ever what that lets through", way.holder.Name)
	}
	way.holder = d
}

// keyFrames adds a problem if the stage d needs every picture and a stage before d emits only key frames. It records
// in way that d emits only key frames.
func (c *modeCheck) keyFrames(d *declared, way *passed) {
	if d.has(NeedsEveryPicture) && way.keyFrames != nil {
		c.add(d, "put "+d.Name+" before "+way.keyFrames.Name, "%s sees nothing behind %s: only key frames come", d.Name, way.keyFrames.Name)
	}
	if d.has(GivesKeyFrames) {
		way.keyFrames = d
	}
}

// unheld adds the problem that the pipeline would record everything in mode event: no stage of p, and none before p,
// holds media back until a trigger.
func (c *modeCheck) unheld(p *Plan) {
	first := 0
	if p.stages[0].Kind == KindSource && len(p.stages) > 1 {
		first = 1
	}
	d := &p.stages[first]
	c.add(d, "put gop_ring before "+d.Name+", for example gop_ring: {before: 10s, after: 20s}; or write record: always",
		"record: event without gop_ring records everything: nothing holds the stream back until an event")
}

// completes reports whether the stage of p at index i, or a later one, has the trait CompletesEvents: it sets the
// interval of the events that earlier stages raise.
func (p *Plan) completes(i int) bool {
	for ; i < len(p.stages); i++ {
		if p.stages[i].has(CompletesEvents) {
			return true
		}
	}
	return false
}

func (c *modeCheck) add(d *declared, hint, format string, args ...any) {
	c.problems.Add(&config.Node{Pos: d.pos, Path: d.path}, hint, format, args...)
}
