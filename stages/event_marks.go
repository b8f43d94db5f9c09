package stages

import (
	"slices"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// eventMarks answers triggers for a flow that is recorded anyway: an event is a
// mark in it.
type eventMarks struct {
	wall  wall
	keys  keyFrames
	await awaiting
}

// follow is told each chunk before it is queued. It gives the events that waited
// for it: their marks go before it.
func (m *eventMarks) follow(c *media.Chunk, clock pipeline.Clock) []awaited {
	m.step(clock)
	if !c.StartsGOP {
		return nil
	}
	begin := m.wall.begin(c)
	for i := 0; i >= 0; i = c.NextGOP(i) {
		m.keys.add(begin + c.UTCAt(i) - c.UTC)
	}
	if len(m.await.list) == 0 {
		return nil
	}
	events := m.await.begin(begin, clock)
	for i := range events {
		events[i].Actual = begin
	}
	return events
}

// step goes on by the wall clock as it is now.
func (m *eventMarks) step(clock pipeline.Clock) {
	by := m.wall.step(clock)
	m.keys.step(by)
	m.await.step(by)
}

// trigger decides about an event. With a mark to be queued, mark is true; else it
// waits for the first key frame, or the error says why it is not taken.
func (m *eventMarks) trigger(e *media.Event, t *pipeline.Trigger, clock pipeline.Clock) (done pipeline.Triggered, mark bool, err error) {
	m.step(clock)
	first, begun := m.keys.first()
	switch {
	case !begun && !t.Partial && !t.WaitUntil.IsZero():
		return done, false, pipeline.ErrNotCovered // an event pipeline may have it
	case !begun:
		return answered(pipeline.EventWaiting, *e), false, m.await.add(*e, t, clock)
	case e.End <= first:
		return done, false, pipeline.ErrPast
	case e.Start < first && !t.Partial:
		return done, false, pipeline.ErrNotCovered
	}
	e.Actual = m.keys.before(e.Start)
	return answered(pipeline.EventMarked, *e), true, nil
}

// keyFrames are the times of key frames, UTC ns, oldest first: all of the last
// minutes, and ever fewer of what was before.
type keyFrames struct{ utc []int64 }

const maxKeyFrames = 1024

func (k *keyFrames) add(utc int64) {
	if len(k.utc) == maxKeyFrames { // of the older half every second one goes; the first stays
		const half = maxKeyFrames / 2
		for i := range half / 2 {
			k.utc[i] = k.utc[2*i]
		}
		k.utc = slices.Delete(k.utc, half/2, half)
	}
	k.utc = append(k.utc, utc)
}

// step moves the times along with a wall clock that was set.
func (k *keyFrames) step(by int64) {
	if by == 0 {
		return
	}
	for i := range k.utc {
		k.utc[i] += by
	}
}

func (k *keyFrames) first() (utc int64, ok bool) {
	if len(k.utc) == 0 {
		return 0, false
	}
	return k.utc[0], true
}

// before returns the newest key frame at or before a time, the first one where there
// is none.
func (k *keyFrames) before(utc int64) int64 {
	i, found := slices.BinarySearch(k.utc, utc)
	if !found {
		i--
	}
	return k.utc[max(i, 0)]
}
