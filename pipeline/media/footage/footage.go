package footage

import (
	"context"
	"errors"

	"github.com/gospool/spool/pipeline/media"
)

// Library has the recordings of streams. It is safe for concurrent use.
type Library interface {
	// Extent describes the footage of a stream. The tracks are those of the recording at a moment of the wall clock, ns UTC, or
	// of the first one behind it; Newest: of the newest. The error is ErrNone, or that of the catalogue or of a file.
	Extent(ctx context.Context, stream string, atUTC int64) (Extent, error)
	// Open returns the access units of a span. The caller closes the Reader.
	Open(stream string, s Span) Reader
}

// ErrNone is the error for a stream, or a span of it, without a recording.
var ErrNone = errors.New("there is no footage")

// Oldest and Newest stand for the begin and the end of all footage. They are far enough from the bounds of int64 for differences.
const (
	Oldest = -int64(1) << 61
	Newest = int64(1) << 61
)

// Extent describes the footage of a stream.
type Extent struct {
	BeginUTC, EndUTC int64 // ns UTC
	Growing          bool  // a recording of the stream grows: EndUTC is that of the whole chunks
	Set              *media.TrackSet
}

// Span selects access units.
type Span struct {
	// FromUTC and ToUTC are moments of the wall clock, ns UTC, at which sending begins and ends. Sending begins with the sync
	// sample at or before FromUTC. If FromUTC is in a gap, it begins behind the gap, or if Reverse is set before it.
	// If Reverse is set, ToUTC is before FromUTC.
	FromUTC, ToUTC int64
	// Reverse sends GOPs in reverse order, and the units of a GOP in decoding order. It sends the lead track alone.
	Reverse bool
	// SyncOnly sends the sync samples of the lead track alone, with at least IntervalNS between them by their media times.
	SyncOnly   bool
	IntervalNS int64
}

// Unit is one recorded access unit.
type Unit struct {
	Set   *media.TrackSet // of the recording
	Track int             // index in Set.Tracks

	DTS, PTS      int64 // ticks of the track since the begin of the recording
	DurationTicks int64 // up to the next unit in the order of the recording that the span selects, or the end of the track
	UTC           int64 // wall clock at which the unit is presented, ns
	BeginUTC      int64 // wall clock of the recording's time 0, ns
	SizeBytes     int
	Sync          bool

	Begins bool // the first unit of another recording than that of the previous unit
	Jumps  bool // the unit does not follow the previous one of its track: a gap lies between, or GOPs come in reverse
	Ends   bool // no unit of the track follows without a gap, or precedes if GOPs come in reverse
	Last   bool // no unit of the track follows in the span

	// GOPEndTicks is the presentation time at which the GOP ends that begins with this unit. It is set at the first unit of
	// each GOP if Span.Reverse is set.
	GOPEndTicks int64
}

// Reader reads the units of a span. One goroutine at a time uses it.
type Reader interface {
	// Next reads the next unit. The error is io.EOF behind the last unit, with a growing recording behind the last one that will
	// not change; then a later call may return further units. Recordings that were deleted are skipped like a gap.
	Next(ctx context.Context, u *Unit) error
	// Payload returns the bytes of the unit that Next has read, in mdat form: NAL units with 4-byte lengths, or one raw frame.
	// They are valid until the next call of a method.
	Payload() ([]byte, error)
	// Close closes the files. Until then the deletion of the recording that is being read waits for ten minutes at most.
	Close() error
}
