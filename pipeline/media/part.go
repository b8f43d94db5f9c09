package media

import (
	"errors"
	"time"
)

// Segment is the identity of one file: what the segmenter knows when it begins.
type Segment struct {
	ID       ID
	Stream   string // path of the stream
	Pipeline string
	Set      *TrackSet
	Index    uint64  // 1 for the first segment of a run
	StartUTC int64   // ns, wall clock of the first access unit
	Gap      Gap     // what is missing before it
	Events   []Event // that were not over when it began, at most MaxOpenEvents; not changed any more

	// The limits that will end the segment, 0 where there is none: the muxer
	// sizes the room that it reserves for its index by them.
	MaxDuration time.Duration
	MaxBytes    int64
}

// Part is one step of a segment: its chunks one after another, the first with
// First set, and at last a part with End set and no chunk. Parts with an event
// and no chunk come in between.
//
// The receiver of a part owns one reference on its chunk.
type Part struct {
	Segment *Segment
	First   bool
	Chunk   *Chunk // nil in the last part
	End     Cause  // not empty in the last part
	Gap     bool   // in the last part: the next segment begins at once, and its Gap tells what is missing
	Event   *Event // not nil: the segment holds media of it; the part has no chunk
}

// Release ends the part's reference on its chunk, where it has one.
func (p Part) Release() {
	if p.Chunk != nil {
		p.Chunk.Release()
	}
}

// Unpooled returns the part with a copy of its chunk that the garbage collector owns.
func (p Part) Unpooled() Part {
	if p.Chunk != nil {
		p.Chunk = p.Chunk.Unpooled()
	}
	return p
}

// Check is Chunk.Check for a part.
func (p Part) Check() error {
	if p.Segment == nil {
		return errors.New("it is of no segment")
	}
	if p.Chunk != nil {
		return p.Chunk.Check()
	}
	return nil
}
