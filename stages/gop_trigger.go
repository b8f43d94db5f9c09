package stages

import (
	"errors"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
)

// eventOf returns what a trigger asks for, with what it leaves to the ring.
func eventOf(t pipeline.Trigger, cfg GOPRingConfig, clock pipeline.Clock, protect bool) media.Event {
	e := media.Event{ID: t.ID, Key: t.Key, Name: t.Name, Data: t.Data, At: t.At.UnixNano(), Protect: protect}
	if t.At.IsZero() {
		e.At = clock.Now().UnixNano()
	}
	if t.Protect != pipeline.ProtectByRule {
		e.Protect = t.Protect == pipeline.ProtectOn
	}
	if cfg == (GOPRingConfig{}) { // a stage without settings of its own
		cfg.Before, cfg.After = config.Duration(t.DefaultBefore), config.Duration(t.DefaultAfter)
	}
	e.Start, e.End = e.At-int64(cfg.Before), e.At+int64(cfg.After)
	if t.Before >= 0 {
		e.Start = e.At - int64(t.Before)
	}
	if t.After >= 0 {
		e.End = e.At + int64(t.After)
	}
	return e
}

// lasting returns an event that a stage has raised, from when to when the ring is set to
// record it.
func (c *GOPRingConfig) lasting(r *media.Raised) media.Event {
	return r.Lasting(int64(c.Before), int64(c.After))
}

// answered returns what a trigger did; an event of which nothing has come yet has no
// begin.
func answered(status pipeline.TriggerStatus, e media.Event) pipeline.Triggered {
	done := pipeline.Triggered{Status: status, Requested: time.Unix(0, e.Start), Until: time.Unix(0, e.End)}
	if e.Actual != 0 {
		done.Actual = time.Unix(0, e.Actual)
	}
	return done
}

// Trigger records an event from the key frame at or before its begin. See
// pipeline.Triggerer.
func (g *gopGate) Trigger(t pipeline.Trigger) (pipeline.Triggered, error) {
	e := eventOf(t, g.cfg, g.set.Clock, false)
	g.mu.Lock()
	defer g.mu.Unlock()
	g.follow()
	done, err := g.record(e, int64(t.Max))
	if errors.Is(err, pipeline.ErrNothing) && !g.ended {
		return answered(pipeline.EventWaiting, e), g.await.add(e, &t, g.set.Clock)
	}
	return done, err
}

// record begins a recording, or joins the one that is open where their intervals
// touch or share a GOP.
func (g *gopGate) record(e media.Event, longest int64) (pipeline.Triggered, error) {
	e.End = max(e.End, e.Start+1) // a moment has a picture, too
	first, known := g.oldest()
	switch {
	case !known || g.ended:
		return pipeline.Triggered{}, pipeline.ErrNothing
	case e.End <= first:
		return pipeline.Triggered{}, pipeline.ErrPast
	}
	k := g.keyFrame(e.Start)
	if g.rec != nil && e.Start > g.rec.until && k >= 0 {
		g.finish()
	}
	status := pipeline.EventExtended
	if g.rec == nil {
		status = pipeline.EventStarted
		g.begin(max(k, 0), e.Start, e.End)
	}
	r := g.rec
	r.until = max(r.until, e.End)
	if longest > 0 {
		r.max = longest
	}
	e.Actual = r.began
	r.events = media.JoinOpen(r.events, e)
	g.mark(e)
	g.flush()
	return answered(status, e), nil
}

// oldest returns the begin of the media that a recording could have.
func (g *gopGate) oldest() (utc int64, ok bool) {
	if g.rec != nil {
		return g.rec.began, true
	}
	return g.oldestHeld()
}

// begin opens a recording with the k-th of what is held, or the last GOP in it that
// begins at or before a time.
func (g *gopGate) begin(k int, from, until int64) {
	if g.held.Split(k, g.gopFrom(g.held.At(k), from)) {
		k++
	}
	g.drop(k)
	utc, _ := g.oldest()
	g.rec = &eventRecording{began: utc, file: utc, until: until}
}

func (g *gopGate) mark(events ...media.Event) {
	for i := range events {
		e := events[i]
		g.queue.Put(g.queue.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkEvent, Event: &e}))
	}
}

// Trigger marks an event on the recording under way. The mark is protected
// unless the trigger says otherwise: what comes before and after it in the file
// would be deleted by age.
func (r *gopRing) Trigger(t pipeline.Trigger) (pipeline.Triggered, error) {
	e := eventOf(t, r.cfg, r.clock, true)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended {
		return pipeline.Triggered{}, pipeline.ErrNothing
	}
	done, mark, err := r.marks.trigger(&e, &t, r.clock)
	if mark {
		r.putMark(r.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkEvent, Event: &e}))
	}
	return done, err
}
