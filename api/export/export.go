package export

import (
	"time"

	"github.com/gospool/spool/api/export/bundle"
	"github.com/gospool/spool/pipeline/media"
)

// State is the state of an export.
type State string

// The states of an export. A waiting, running or failed export is lost when the program ends.
const (
	Waiting  State = "waiting" // for its turn
	Running  State = "running"
	Finished State = "finished"
	Failed   State = "failed" // it has no files
)

// Export describes an export. It shares no memory with the store that is changed later.
type Export struct {
	ID         media.ID
	Request    bundle.Request
	State      State
	Bytes      int64 // of footage, written so far
	TotalBytes int64 // of footage; an estimate until it is finished, if the format has no exact size
	Err        error // why it has failed
	Created    time.Time
	Finished   time.Time        // zero until then
	Files      []bundle.Written // of a finished export, the one with the footage first
}

// Share returns the part of the export that is made, from 0 to 1.
func (e *Export) Share() float64 {
	switch {
	case e.State == Finished:
		return 1
	case e.TotalBytes == 0:
		return 0
	}
	return min(float64(e.Bytes)/float64(e.TotalBytes), 1)
}

// Kind is the reason of an Error.
type Kind string

// The kinds of errors.
const (
	Invalid Kind = "invalid" // the request is wrong
	Unknown Kind = "unknown" // there is no such export, file or footage
	Full    Kind = "full"    // there are too many exports
	NoRoom  Kind = "no room" // the disk has no room
)

// Error is an error for the client of an export.
type Error struct {
	Kind Kind
	Text string
	Err  error // the cause; may be nil
}

// Error returns e.Text.
func (e *Error) Error() string { return e.Text }

// Unwrap returns e.Err.
func (e *Error) Unwrap() error { return e.Err }
