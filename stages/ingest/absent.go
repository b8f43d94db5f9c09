package ingest

import (
	"slices"
	"time"
)

// A track may be absent: nothing is expected of it, so that nothing waits for it,
// misses it, or publishes it. It is so until data of it comes where it is Optional,
// and again once it is left.

// Leave makes a track one of which nothing comes any more. What came is kept; should
// more come after all, it is a track again.
func (t *Track) Leave() {
	f := t.feed
	t.Flush()
	t.absent = true
	t.vigil.Leave()
	others := func(o *Track) bool { return o != t && o.slot >= 0 }
	if f.err == nil && f.begun && t.slot >= 0 && slices.ContainsFunc(f.tracks, others) {
		f.publish()
	}
}

// Hear tells that data of a track arrived, ns of the steady clock (Mono).
func (t *Track) Hear(mono int64) {
	f := t.feed
	if pause := mono - f.lastHeard; f.lastHeard != 0 && pause > unkept && pause > t.vigil.patience() {
		f.resumed = mono
	}
	f.lastHeard = mono
	t.vigil.heard, t.absent = mono, false
	if f.firstHeard == 0 {
		f.firstHeard = mono
	}
}

// Present ends that a track is absent, before a unit of it is there.
func (t *Track) Present() { t.absent = false }

// Unannounced counts data that came for the track and is not what was announced for it,
// by its arrival.
func (t *Track) Unannounced(cause string, at time.Time) {
	f, mono := t.feed, Mono(at)
	if f.firstHeard == 0 {
		f.firstHeard = mono
	}
	f.pub.Lost(cause, 1)
	t.vigil.Missed(mono, cause, 1)
	f.Look(at)
}

// awaited returns how many tracks are not absent.
func (f *Feed) awaited() (n int) {
	for _, t := range f.tracks {
		if !t.absent {
			n++
		}
	}
	return n
}
