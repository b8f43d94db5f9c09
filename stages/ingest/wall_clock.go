package ingest

import "time"

// wallclock converts media time to wall clock time.
//
// It relates media time to arrival on a clock that never steps. No unit arrives before it was made, so the arrival
// of the least delayed unit is the closest to the truth; later units get the time that follows from it. The
// sender's own clock is not used: those of cameras are often wrong by seconds or years, and users compare the
// recordings of several cameras. A step of this machine's wall clock takes effect at once. A sender's clock that
// runs slow is followed by at most half a millisecond a second, and by more once its rate is measured (clockRate).
type wallclock struct {
	set      bool
	offsetNS int64 // arrival less media time, of the least delayed unit
	windowNS int64 // arrival at which the current window began
	lowestNS int64 // least offset in the current window

	slewNS int64   // most change of offsetNS a window; 0: wallSlewNS
	drift  float64 // change of the offset, ns per ns of media time
	fromNS int64   // media time from which on the drift counts
}

const (
	wallWindowNS = int64(10 * time.Second)
	wallSlewNS   = int64(5 * time.Millisecond) // a window
	wallStepNS   = int64(10 * time.Second)     // after a larger deviation the media time was set anew
)

// observe takes the arrival of a unit on the steady clock and the unit's media time, in ns.
func (w *wallclock) observe(mono, media int64) {
	off := mono - media - w.drifted(media)
	if !w.set || off < w.offsetNS || off > w.offsetNS+wallStepNS {
		w.set, w.offsetNS, w.lowestNS, w.windowNS = true, off, off, mono
		return
	}
	w.lowestNS = min(w.lowestNS, off)
	if mono-w.windowNS >= wallWindowNS {
		w.offsetNS += min(w.lowestNS-w.offsetNS, max(w.slewNS, wallSlewNS))
		w.windowNS, w.lowestNS = mono, off
	}
}

// at returns the wall clock time of a media time, in ns. utc and mono are the arrival of a unit on both clocks.
func (w *wallclock) at(media, utc, mono int64) int64 {
	return w.offsetNS + w.drifted(media) + media + utc - mono
}

func (w *wallclock) drifted(media int64) int64 { return int64(float64(media-w.fromNS) * w.drift) }

// run continues, from a media time on, with a sender's clock that runs rate times as fast as it should.
func (w *wallclock) run(rate float64, media int64) {
	by := w.drifted(media)
	w.offsetNS, w.lowestNS = w.offsetNS+by, w.lowestNS+by
	w.fromNS, w.drift = media, 1/rate-1
}
