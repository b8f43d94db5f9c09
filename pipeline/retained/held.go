package retained

import (
	"errors"
	"time"
)

// Held tells what has expired and does not go yet.
type Held struct {
	Cause          HeldCause
	Why            string // in words
	Count          Count
	Oldest, Newest time.Time // ends of the recordings
	Clock          time.Time // by which they have expired
	Since          time.Time
	Until          time.Time // they go by themselves, if the recorder runs; zero: not known, or never
}

// HeldCause says why expired files stay.
type HeldCause string

// The causes.
const (
	HeldForClock HeldCause = "clock"
	HeldAsMass   HeldCause = "mass_expiry"
)

// Add counts a recording in.
func (h *Held) Add(bytes int64, end time.Time) {
	h.Count = h.Count.Plus(bytes)
	if h.Oldest.IsZero() || end.Before(h.Oldest) {
		h.Oldest = end
	}
	if end.After(h.Newest) {
		h.Newest = end
	}
}

// ErrNothingHeld says that nothing waits for an operator's word.
var ErrNothingHeld = errors.New("nothing waits to be confirmed: the clock is believed, and what expires goes by itself")
