package live

import "github.com/gospool/spool/pipeline/media"

// Unit is one access unit of a live stream. It is read-only. Its bytes are valid as Reader.Poll describes.
type Unit struct {
	Set   *media.TrackSet // the stream's tracks; another pointer begins another time line
	Track int             // index in Set.Tracks

	DTS, PTS  int64 // ticks of the track
	UTC       int64 // wall clock of the unit, ns; an estimate for units that had arrived before the first reader
	SteppedNS int64 // see media.Chunk.SteppedNS
	SizeBytes int   // of the payload, in mdat form
	Sync      bool  // a decoder can start here
	StartsGOP bool  // a sync sample of the lead track: readers begin here
	Lost      bool  // media of this track is missing right before the unit

	// Skipped is the number of units between the previous unit of the reader and this one, which the reader has not
	// received because it was too slow.
	Skipped uint64

	// End is the reason for which the publisher has left, and empty in a unit of media. All other fields of an end are
	// zero, except Skipped.
	End media.Cause

	chunk *media.Chunk // nil in an end
	bytes []byte       // the payload, or its first part
	more  [][]byte     // further parts of the payload
	at    uint64       // number of the unit in the ring, from 1
}

// Slices appends the slices that hold the unit's payload, in order, to dst. The payload is in mdat form: NAL units with
// 4-byte lengths, or one raw frame.
func (u *Unit) Slices(dst [][]byte) [][]byte {
	if len(u.bytes) > 0 {
		dst = append(dst, u.bytes)
	}
	return append(dst, u.more...)
}

// SetPayload sets the payload of a unit that is not of a live stream, in mdat form. The unit uses b.
func (u *Unit) SetPayload(b []byte) { u.bytes, u.more, u.SizeBytes = b, nil, len(b) }

// Chunk returns the chunk that holds the bytes of a unit of media. The chunk may be open: the caller may only Retain
// and Release it, to use the bytes of the unit for longer.
func (u *Unit) Chunk() *media.Chunk { return u.chunk }

// steadyNS returns the unit's wall clock without its steps.
func (u *Unit) steadyNS() int64 { return u.UTC - u.SteppedNS }
