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
	set    bool
	offset int64 // ns, arrival less media time, of the least delayed unit
	window int64 // ns, arrival at which the current window began
	lowest int64 // ns, least offset in the window

	slew  int64   // ns a window; 0: wallSlew
	drift float64 // of the offset, ns per ns of media time
	from  int64   // ns, media time of that offset
}

const (
	wallWindow = int64(10 * time.Second)
	wallSlew   = int64(5 * time.Millisecond) // a window
	wallStep   = int64(10 * time.Second)     // a larger deviation: media time was set anew
)

// see measures by a unit: its arrival on the steady clock and its media time, ns.
func (w *wallclock) see(mono, media int64) {
	off := mono - media - w.drifted(media)
	if !w.set || off < w.offset || off > w.offset+wallStep {
		w.set, w.offset, w.lowest, w.window = true, off, off, mono
		return
	}
	w.lowest = min(w.lowest, off)
	if mono-w.window >= wallWindow {
		w.offset += min(w.lowest-w.offset, max(w.slew, wallSlew))
		w.window, w.lowest = mono, off
	}
}

// at returns the wall clock time of a media time, by a unit that arrived at utc and mono.
func (w *wallclock) at(media, utc, mono int64) int64 {
	return w.offset + w.drifted(media) + media + utc - mono
}

func (w *wallclock) drifted(media int64) int64 { return int64(float64(media-w.from) * w.drift) }

// run continues, from a media time on, with a sender's clock that runs rate times as fast as it should.
func (w *wallclock) run(rate float64, media int64) {
	by := w.drifted(media)
	w.offset, w.lowest = w.offset+by, w.lowest+by
	w.from, w.drift = media, 1/rate-1
}
