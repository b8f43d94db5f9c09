package ingest

import (
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// A track may be absent: nothing is expected of it, so that nothing waits for it,
// misses it, or publishes it. It is so until data of it comes where it is Optional,
// and again once it is left.

// Leave makes a track one of which nothing comes any more. What came is kept; should
// more come after all, it is a track again.
func (f *Feed) Leave(index int) {
	t := f.tracks[index]
	t.flush()
	t.absent = true
	t.vigil.Leave()
	others := func(o *track) bool { return o != t && o.slot >= 0 }
	if f.err == nil && f.begun && t.slot >= 0 && slices.ContainsFunc(f.tracks, others) {
		f.publish()
	}
}

// Unannounced counts a packet that came for the track under the payload type of no
// format that was announced.
func (t *RTPTrack) Unannounced(at time.Time) {
	f, mono := t.feed, at.Sub(epoch).Nanoseconds()
	if f.firstHeard == 0 {
		f.firstHeard = mono
	}
	f.pub.Lost(media.DropWrongPayloadType, 1)
	t.track().vigil.Missed(mono, media.DropWrongPayloadType, 1)
	f.look(at, mono)
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

// Leave says that nothing more of the track is expected, as of a format that is
// announced beside another one.
func (t *RTPTrack) Leave() {
	t.Close()
	t.feed.Leave(t.index)
}
