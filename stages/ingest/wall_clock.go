package ingest

import "time"

// wallclock converts media time to wall clock time.
//
// It relates media time to arrival on a clock that never steps. No unit arrives before it was made, so the arrival
// of the least delayed unit is the closest to the truth; later units get the time that follows from it. The sender's
// own UTC is not used here, because the clocks of cameras are often wrong by seconds or years, and users compare the
// recordings of several cameras; senderClock uses it if the operator wants that. A step of this machine's wall clock takes effect at once. If the sender's clock runs slow, the
// offset follows by at most half a millisecond a second, or by more with slewNS, and fully once the rate of that
// clock is measured (clockRate).
type wallclock struct {
	set      bool  // a unit has come
	offsetNS int64 // arrival less media time, of the least delayed unit
	windowNS int64 // arrival at which the current window began
	lowestNS int64 // least offset in the current window

	slewNS int64   // most growth of offsetNS after a window; less than wallSlewNS: wallSlewNS
	drift  float64 // change of the offset, ns per ns of media time
	fromNS int64   // media time from which on the drift counts
}

const (
	wallWindowNS = int64(10 * time.Second)
	wallSlewNS   = int64(5 * time.Millisecond) // most growth of offsetNS after a window, unless slewNS is more
	wallStepNS   = int64(10 * time.Second)     // if the offset grows by more at once, the media time was set anew
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

// at returns the wall clock time, ns of UTC, of a media time in ns. utc and mono are the arrival of one unit, on the
// wall clock and on the steady clock.
func (w *wallclock) at(media, utc, mono int64) int64 {
	return w.offsetNS + w.drifted(media) + media + utc - mono
}

func (w *wallclock) drifted(media int64) int64 { return int64(float64(media-w.fromNS) * w.drift) }

// run sets that, from a media time on, the sender's clock runs rate times as fast as it should. media is in ns.
func (w *wallclock) run(rate float64, media int64) {
	by := w.drifted(media)
	w.offsetNS, w.lowestNS = w.offsetNS+by, w.lowestNS+by
	w.fromNS, w.drift = media, 1/rate-1
}
