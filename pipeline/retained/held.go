package retained

import (
	"errors"
	"time"
)

// Held describes expired files that retention does not delete yet. It deletes them after an operator's
// confirmation, when the clock is believed again, or at the time Until.
type Held struct {
	Cause          HeldCause
	Why            string // the reason in words
	Count          Count
	Oldest, Newest time.Time // earliest and latest end of the recordings
	Clock          time.Time // reading of the wall clock by which the files have expired
	Since          time.Time // time at which retention began to hold the files
	// Until is the time at which a running recorder deletes the files without confirmation. It is zero if that
	// time is not known, or if retention waits for a confirmation.
	Until time.Time
}

// HeldCause is the reason for which retention holds expired files.
type HeldCause string

// The reasons for which retention holds expired files.
const (
	HeldForClock HeldCause = "clock"       // the wall clock is not believed, see wallclock.Judge
	HeldAsMass   HeldCause = "mass_expiry" // too large a part of the recordings expired at once
)

// Add adds the file of a recording, of the given bytes, that ends at end.
func (h *Held) Add(bytes int64, end time.Time) {
	h.Count = h.Count.Plus(bytes)
	if h.Oldest.IsZero() || end.Before(h.Oldest) {
		h.Oldest = end
	}
	if end.After(h.Newest) {
		h.Newest = end
	}
}

// ErrNothingHeld is the error of a confirmation when retention holds no expired files.
var ErrNothingHeld = errors.New("nothing waits to be confirmed: the clock is believed, and what expires goes by itself")
