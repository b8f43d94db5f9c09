package hls

import (
	"cmp"
	"errors"
	"slices"
	"sync"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/media"
)

// ErrHeadless reports that recordings of a playlist of the type EVENT were deleted, and that their lines are not known any more:
// such a playlist may not lose lines (RFC 8216bis, 6.2.1).
var ErrHeadless = errors.New("recordings of this playlist were deleted: ask for its index again")

// The bounds of events: the playlists of the type EVENT, and their memory in chunks, some 18 MB. Of a single playlist with more lines those of its
// later recordings are not kept: retention deletes the oldest first.
const (
	maxEvents    = 256
	maxEventCost = 1 << 18
)

// events keeps the finished recordings that the playlists of the type EVENT have, so that these keep their lines when a recording
// is deleted. The zero value is ready. It is safe for concurrent use.
type events struct {
	mu   sync.Mutex // guards the fields below
	list []*event   // the latest last
	cost int        // of all events
}

// event is a playlist of the type EVENT.
type event struct {
	name  eventName
	clips []eventClip // by their start
	cost  int         // of all clips: see costOf
}

// eventName identifies a playlist of the type EVENT. Two clients share one if theirs begin with the same recording.
type eventName struct {
	stream, pipeline string
	span             [2]int64
	first            media.ID
}

type eventClip struct {
	clip.Clip
	m *Mapped // nil: the playlist has too many lines to keep those of this clip
}

// costOf returns the memory of a kept clip, as a number of chunks. m may be nil.
func costOf(c *clip.Clip, m *Mapped) int {
	n := 4 + len(c.Anchors)/4
	if m != nil {
		n += len(m.Chunks)
	}
	return n
}

func (q *Request) event() eventName {
	return eventName{q.Stream, q.Span.Pipeline, [2]int64{q.Span.StartUTC, q.Span.EndUTC}, q.First}
}

// find returns the event of a name, or nil. The caller holds k.mu.
func (k *events) find(name eventName) *event {
	at := slices.IndexFunc(k.list, func(e *event) bool { return e.name == name })
	if at < 0 {
		return nil
	}
	e := k.list[at]
	k.list = append(slices.Delete(k.list, at, at+1), e)
	return e
}

// with returns the clips of a playlist: those that are known, as they were, and the others of found.
func (k *events) with(name eventName, found []clip.Clip) []clip.Clip {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.find(name)
	if e == nil {
		return found
	}
	var out []clip.Clip
	for i := range e.clips {
		out = append(out, e.clips[i].Clip)
	}
	for i := range found {
		if !slices.ContainsFunc(out, func(c clip.Clip) bool { return c.ID == found[i].ID }) {
			out = append(out, found[i])
		}
	}
	slices.SortStableFunc(out, func(a, b clip.Clip) int { return cmp.Compare(a.StartUTC, b.StartUTC) })
	return out
}

// keep adds a finished recording to a playlist. In a full set it takes the place of the playlists that were fetched least recently.
func (k *events) keep(name eventName, c *clip.Clip, m *Mapped) {
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.find(name)
	if e == nil {
		e = &event{name: name}
		k.list = append(k.list, e)
	}
	if slices.ContainsFunc(e.clips, func(x eventClip) bool { return x.ID == c.ID }) {
		return
	}
	if e.cost+costOf(c, m) > maxEventCost {
		m = nil
	}
	e.clips = append(e.clips, eventClip{*c, m})
	e.cost += costOf(c, m)
	k.cost += costOf(c, m)
	for len(k.list) > maxEvents || k.cost > maxEventCost && len(k.list) > 1 {
		k.cost -= k.list[0].cost
		k.list = k.list[1:]
	}
}

// kept returns the map of a recording in a playlist. It returns nil for a recording that the playlist does not have, and ErrHeadless for one whose
// lines are not kept.
func (k *events) kept(name eventName, id media.ID) (*Mapped, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e := k.find(name); e != nil {
		for i := range e.clips {
			switch c := &e.clips[i]; {
			case c.ID == id && c.m == nil:
				return nil, ErrHeadless
			case c.ID == id:
				return c.m, nil
			}
		}
	}
	return nil, nil
}
