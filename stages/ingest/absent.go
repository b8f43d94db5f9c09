package ingest

import (
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// An absent track is a track from which the feed expects no data now. The feed does not wait for it, does not publish
// it and does not report its silence. A track with TrackConfig.Optional is absent until its first data arrives. Any
// track is absent after Track.Leave, until data arrives again.

// Leave marks the track as absent because its sender has stopped. If the track is published, the other tracks are
// then published without it. Units that arrived before are still written. If data of the track arrives again, the
// track is present again.
func (t *Track) Leave() {
	f := t.feed
	t.Flush()
	t.absent = true
	t.stall.Left()
	others := func(o *Track) bool { return o != t && o.slot >= 0 }
	if f.err == nil && f.begun && t.slot >= 0 && slices.ContainsFunc(f.tracks, others) {
		f.publish()
	}
}

// Hear records that data of the track arrived at mono, ns of the steady clock (Mono). An absent track is then present.
func (t *Track) Hear(mono int64) {
	f := t.feed
	if pause := mono - f.lastHeardNS; f.lastHeardNS != 0 && pause > pauseNS {
		f.flowsNS = mono
		if pause > stallNS && pause > t.stall.patienceNS() {
			f.resumedNS = mono
		}
	}
	f.lastHeardNS = mono
	t.stall.heardNS, t.absent = mono, false
	if f.firstHeardNS == 0 {
		f.firstHeardNS = mono
	}
}

// Present marks an absent track as present. The caller calls it before the track's first unit.
func (t *Track) Present() { t.absent = false }

// Unannounced counts one loss under cause: at the given time, data of the track arrived in a format that the session
// description does not announce.
func (t *Track) Unannounced(cause string, at time.Time) {
	f, mono := t.feed, Mono(at)
	if f.firstHeardNS == 0 {
		f.firstHeardNS = mono
	}
	f.pub.Lost(cause, 1)
	t.stall.Missed(mono, cause, 1)
	f.Look(at)
}

// awaited returns the number of tracks that are not absent, without metadata beside them.
func (f *Feed) awaited() (n int) {
	for _, t := range f.tracks {
		if !t.absent && !t.aside() {
			n++
		}
	}
	return n
}

// publish passes the tracks to the publisher: those with a place on the time line, and tracks of sound and metadata that are
// described but not placed yet. It leaves out a video track that is not placed, because a lead track that never sends would block
// the recording. It also leaves out absent tracks without pending units.
func (f *Feed) publish() {
	var set []media.Track
	for _, t := range f.tracks {
		t.slot = -1
		if len(t.pending) > 0 && t.pending[0].desc != nil {
			t.live = t.pending[0].desc
		}
		if t.live == nil || !t.placed && t.live.track.Kind() == media.Video || t.absent && len(t.pending) == 0 {
			continue
		}
		t.slot = len(set)
		set = append(set, t.live.track)
	}
	if err := f.pub.SetTracks(set); err != nil {
		f.err = err
	}
}
