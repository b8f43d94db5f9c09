package retained

import (
	"errors"
	"time"
)

// Held describes expired files that retention does not delete yet.
type Held struct {
	Cause          HeldCause
	Why            string // the reason in words
	Count          Count
	Oldest, Newest time.Time // first and last end of the recordings
	Clock          time.Time // the time by which they have expired
	Since          time.Time
	Until          time.Time // when retention deletes them without confirmation, while the recorder runs; zero: not known, or never
}

// HeldCause is the reason why expired files are kept.
type HeldCause string

// The causes.
const (
	HeldForClock HeldCause = "clock"
	HeldAsMass   HeldCause = "mass_expiry"
)

// Add adds a recording.
func (h *Held) Add(bytes int64, end time.Time) {
	h.Count = h.Count.Plus(bytes)
	if h.Oldest.IsZero() || end.Before(h.Oldest) {
		h.Oldest = end
	}
	if end.After(h.Newest) {
		h.Newest = end
	}
}

// ErrNothingHeld is the error of a confirmation when no expired files are held.
var ErrNothingHeld = errors.New("nothing waits to be confirmed: the clock is believed, and what expires goes by itself")
