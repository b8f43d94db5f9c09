package media

import (
	"errors"
	"time"
)

// Segment identifies one file. The segmenter fills it when the file begins.
type Segment struct {
	ID       ID
	Stream   string // path of the stream
	Pipeline string
	Set      *TrackSet
	Index    uint64  // 1 for the first segment of a run
	StartUTC int64   // wall clock of the first access unit
	Gap      Gap     // media missing before the file
	Events   []Event // events open when it began, at most MaxOpenEvents; immutable

	// The limits that will end the segment, 0 for no limit: the muxer sizes the room reserved for
	// the sample tables by them.
	MaxDuration time.Duration
	MaxBytes    int64
}

// Part is one message about a segment: its chunks in order, the first with First set, and finally a
// part with End set and no chunk. Parts with an event and no chunk may come between.
//
// The receiver of a part owns one reference on its chunk.
type Part struct {
	Segment *Segment
	First   bool
	Chunk   *Chunk // nil in the last part and with an event
	End     Cause  // not empty in the last part
	Gap     bool   // in the last part: a segment follows at once, and its Gap reports the missing media
	Event   *Event // not nil: the segment holds media of this event; the part has no chunk
}

// Release ends the part's reference on its chunk, if it has one.
func (p Part) Release() {
	if p.Chunk != nil {
		p.Chunk.Release()
	}
}

// Unpooled returns the part with a copy of its chunk in memory of the garbage collector.
func (p Part) Unpooled() Part {
	if p.Chunk != nil {
		p.Chunk = p.Chunk.Unpooled()
	}
	return p
}

// Check returns an error if a part made by foreign code is not valid for a stage.
func (p Part) Check() error {
	if p.Segment == nil {
		return errors.New("it is of no segment")
	}
	if p.Chunk != nil {
		return p.Chunk.Check()
	}
	return nil
}
