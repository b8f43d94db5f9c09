package stages

import (
	"slices"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// eventMarks handles the triggers of a pipeline that records continuously: an event becomes a mark
// in the stream.
type eventMarks struct {
	wall  wallClock
	keys  keyFrames
	await awaiting
}

// follow keeps the times of the key frames of a chunk that the caller is about to queue. At the
// stream's first key frame it returns the events that waited for it, and the caller queues their
// marks before the chunk.
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
		events[i].ActualUTC = begin
	}
	return events
}

// step converts the times of the kept key frames and of the waiting events to the present wall
// clock.
func (m *eventMarks) step(clock pipeline.Clock) {
	by := m.wall.step(clock)
	m.keys.step(by)
	m.await.step(by)
}

// trigger handles the trigger t of event e, and sets e.ActualUTC. mark reports whether the caller
// must queue a mark for e. If mark is false and err is nil, the event waits for the first key
// frame. err is ErrNotCovered or ErrPast if the files cannot contain the event, or an error of
// awaiting.add.
func (m *eventMarks) trigger(e *media.Event, t *pipeline.Trigger, clock pipeline.Clock) (done pipeline.Triggered, mark bool, err error) {
	m.step(clock)
	first, begun := m.keys.first()
	switch {
	case !begun && !t.Partial && !t.WaitUntil.IsZero():
		return done, false, pipeline.ErrNotCovered // an event pipeline may still record it
	case !begun:
		return answered(pipeline.EventWaiting, *e), false, m.await.add(*e, t, clock)
	case e.EndUTC <= first:
		return done, false, pipeline.ErrPast
	case e.StartUTC < first && !t.Partial:
		return done, false, pipeline.ErrNotCovered
	}
	e.ActualUTC = m.keys.before(e.StartUTC)
	return answered(pipeline.EventMarked, *e), true, nil
}

// resume makes the events wait that the previous run left, see leave. The state of the stream begins
// anew with each run.
func (m *eventMarks) resume(set *pipeline.Settings) {
	if left, ok := set.Handover.Take(awaitedSlot(set.Stage)).(awaitedLeft); ok {
		m.await.list, m.wall = left.list, left.wall
	}
}

// leave leaves the waiting events to the next run.
func (m *eventMarks) leave(set *pipeline.Settings) {
	if len(m.await.list) > 0 {
		set.Handover.Leave(awaitedSlot(set.Stage), awaitedLeft{m.await.list, m.wall, set.Log})
		m.await.list = nil
	}
}

// awaitedSlot returns the name under which a stage leaves its waiting events. It differs from the
// stage's name, under which a source leaves its subscription.
func awaitedSlot(stage string) string { return stage + " events" }

// keyFrames holds the times of at most maxKeyFrames key frames, in ns of UTC, the oldest first.
// When it is full, it drops every second time of the older half.
type keyFrames struct{ utc []int64 }

const maxKeyFrames = 1024

func (k *keyFrames) add(utc int64) {
	if len(k.utc) == maxKeyFrames { // the first time stays
		const half = maxKeyFrames / 2
		for i := range half / 2 {
			k.utc[i] = k.utc[2*i]
		}
		k.utc = slices.Delete(k.utc, half/2, half)
	}
	k.utc = append(k.utc, utc)
}

// step adds by to the times of the key frames. by is the time by which the wall clock was set, in
// ns.
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

// before returns the newest key frame time at or before utc, or the first time if all are later. k
// must hold a time.
func (k *keyFrames) before(utc int64) int64 {
	i, found := slices.BinarySearch(k.utc, utc)
	if !found {
		i--
	}
	return k.utc[max(i, 0)]
}
