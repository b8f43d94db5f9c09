package media

import (
	"errors"
	"time"
)

// Segment identifies one file. The segmenter fills it when the file begins; later stages do not change it.
type Segment struct {
	ID       ID
	Stream   string // path of the stream
	Pipeline string
	Set      *TrackSet
	Index    uint64  // 1 for the first segment of a run
	StartUTC int64   // wall clock of the first access unit
	Gap      Gap     // media missing before the file
	Events   []Event // events that were open when the file began, at most MaxOpenEvents; immutable

	// The limits at which the segmenter will end the segment, 0 for no limit. The muxer reserves room for the
	// sample tables by them.
	MaxDuration time.Duration
	MaxBytes    int64
}

// Part is one message about a segment. The first part of a segment has First set. The parts with a chunk carry
// its media in order; parts with an event and no chunk may come between. The last part has End set and no
// chunk.
//
// The receiver of a part owns one reference to its chunk.
type Part struct {
	Segment *Segment
	First   bool
	Chunk   *Chunk // nil in the last part and with an event
	End     Cause  // not empty in the last part
	Gap     bool   // in the last part: another segment follows at once, and its Gap reports the missing media
	Event   *Event // event of which the segment has media; the part then has no chunk. Nil in any other part
}

// Release ends the part's reference to its chunk, if it has one.
func (p Part) Release() {
	if p.Chunk != nil {
		p.Chunk.Release()
	}
}

// Unpooled returns the part with a copy of its chunk, if it has one, in memory of the garbage collector. The
// caller keeps its reference to the original chunk.
func (p Part) Unpooled() Part {
	if p.Chunk != nil {
		p.Chunk = p.Chunk.Unpooled()
	}
	return p
}

// Check returns an error if a part from foreign code, such as a go-streams flow, has no segment or an invalid
// chunk.
func (p Part) Check() error {
	if p.Segment == nil {
		return errors.New("it is of no segment")
	}
	if p.Chunk != nil {
		return p.Chunk.Check()
	}
	return nil
}
