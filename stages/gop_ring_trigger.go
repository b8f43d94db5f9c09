package stages

import (
	"errors"
	"time"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/media"
)

// eventOf returns the event of a trigger. Where the trigger sets no interval before or after, the
// event gets cfg.Before or cfg.After; a zero cfg stands for the trigger's DefaultBefore and
// DefaultAfter. The event is protected as the trigger says, or as protect says if the trigger says
// nothing.
func eventOf(t pipeline.Trigger, cfg GOPRingConfig, clock pipeline.Clock, protect bool) media.Event {
	e := media.Event{ID: t.ID, Key: t.Key, Name: t.Name, Data: t.Data, AtUTC: t.At.UnixNano(), Protect: protect}
	if t.At.IsZero() {
		e.AtUTC = clock.Now().UnixNano()
	}
	if t.Protect != pipeline.ProtectByRule {
		e.Protect = t.Protect == pipeline.ProtectOn
	}
	if cfg == (GOPRingConfig{}) { // the stage has no settings for events
		cfg.Before, cfg.After = config.Duration(t.DefaultBefore), config.Duration(t.DefaultAfter)
	}
	e.StartUTC, e.EndUTC = e.AtUTC-int64(cfg.Before), e.AtUTC+int64(cfg.After)
	if t.Before >= 0 {
		e.StartUTC = e.AtUTC - int64(t.Before)
	}
	if t.After >= 0 {
		e.EndUTC = e.AtUTC + int64(t.After)
	}
	return e
}

// lasting returns an event raised by an earlier stage. The event lasts from Before before its time
// to After after it.
func (c *GOPRingConfig) lasting(r *media.Raised) media.Event {
	return r.Lasting(int64(c.Before), int64(c.After))
}

// answered returns the answer to a trigger. Triggered.Actual stays zero for an event without media
// yet.
func answered(status pipeline.TriggerStatus, e media.Event) pipeline.Triggered {
	done := pipeline.Triggered{Status: status, Requested: time.Unix(0, e.StartUTC), Until: time.Unix(0, e.EndUTC)}
	if e.ActualUTC != 0 {
		done.Actual = time.Unix(0, e.ActualUTC)
	}
	return done
}

// Trigger records an event, from the key frame at or before the begin of the event on. If no media
// is held yet, the event may wait: see awaiting.add. It implements pipeline.Triggerer.
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

// record begins a recording for event e, or extends the recording in progress if both intervals
// touch or share a GOP. longest is the longest duration of a file in ns; 0 keeps the limit. record
// returns ErrNothing if no media is held and no recording is in progress, or after End. It returns
// ErrPast if the event ended before the oldest media.
func (g *gopGate) record(e media.Event, longest int64) (pipeline.Triggered, error) {
	e.EndUTC = max(e.EndUTC, e.StartUTC+1) // an event of no duration still needs one picture
	first, known := g.oldest()
	switch {
	case !known || g.ended:
		return pipeline.Triggered{}, pipeline.ErrNothing
	case e.EndUTC <= first:
		return pipeline.Triggered{}, pipeline.ErrPast
	}
	k := g.keyFrame(e.StartUTC)
	if g.rec != nil && e.StartUTC > g.rec.untilUTC && k >= 0 {
		g.finish()
	}
	status := pipeline.EventExtended
	if g.rec == nil {
		status = pipeline.EventStarted
		g.begin(max(k, 0), e.StartUTC, e.EndUTC)
	}
	r := g.rec
	r.untilUTC = max(r.untilUTC, e.EndUTC)
	if longest > 0 {
		r.longestNS = longest
	}
	e.ActualUTC = r.beganUTC
	r.events = media.JoinOpen(r.events, e)
	g.mark(e)
	g.flush()
	return answered(status, e), nil
}

// oldest returns the begin, in ns of UTC, of the oldest media that a recording can contain. ok is
// false if there is none.
func (g *gopGate) oldest() (utc int64, ok bool) {
	if g.rec != nil {
		return g.rec.beganUTC, true
	}
	return g.oldestHeld()
}

// begin starts a recording that ends at until (ns of UTC). The recording begins with the last GOP
// of the k-th held chunk that begins at or before from, or with the whole chunk if no GOP does.
// Older chunks are released.
func (g *gopGate) begin(k int, from, until int64) {
	if g.held.Split(k, g.gopFrom(g.held.At(k), from)) {
		k++
	}
	g.drop(k)
	utc, _ := g.oldest()
	g.rec = &eventRecording{beganUTC: utc, fileUTC: utc, untilUTC: until}
}

func (g *gopGate) mark(events ...media.Event) {
	for i := range events {
		e := events[i]
		g.queue.Put(g.queue.pool.NewMark(nil, 0, media.Mark{Kind: media.MarkEvent, Event: &e}))
	}
}

// Trigger marks an event in the file that is being recorded. The event protects its files from
// retention unless the trigger says otherwise. It implements pipeline.Triggerer.
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
