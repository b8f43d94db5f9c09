package ingest

import "time"

// wallclock converts media time to wall clock time.
//
// It measures by arrival, on a clock that never steps: no unit arrives before it was made, so the least delayed
// arrival is the closest to the truth, and later units are back-dated. The sender's own clock is not used: cameras
// are often wrong by seconds or years, and users compare recordings of several cameras. A step of this machine's wall
// clock is followed at once, since only the difference between the two clocks changes. A sender's clock that runs
// slow is followed by at most half a millisecond a second, and beyond that once its rate has been measured
// (clockRate).
type wallclock struct {
	set      bool
	offsetNS int64 // ns, arrival less media time, of the least delayed unit
	windowNS int64 // ns, arrival at which the current window began
	lowestNS int64 // ns, least offset in the window

	slewNS int64   // ns a window; 0: wallSlewNS
	drift  float64 // of the offset, ns per ns of media time
	fromNS int64   // ns, media time of that offset
}

const (
	wallWindowNS = int64(10 * time.Second)
	wallSlewNS   = int64(5 * time.Millisecond) // a window
	wallStepNS   = int64(10 * time.Second)     // a larger deviation: media time was set anew
)

// observe measures by a unit: its arrival on the steady clock and its media time, ns.
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

// at returns the wall clock time of a media time, by a unit that arrived at utc and mono.
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
