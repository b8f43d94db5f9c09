package hls

import (
	"math/bits"
	"slices"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// Past holds facts about a source from earlier Plays. One Play at a time uses it.
type Past struct {
	live    bool          // it had a live playlist
	reached []reached     // of the renditions of the newest one
	tracks  []media.Track // that were published last
	changes [mostChanges]time.Time
	changed int // times that tracks changed, index in the ring changes
	delays  uint64
}

// reached is the place up to which a live playlist was read.
type reached struct {
	at   position
	path string // of the URI of the segment before; "": not known
	of   Range  // of that segment
}

// leave notes how far renditions were read. If a rendition has media that was not published, that is read again.
func (p *Past) leave(all []*rendition) {
	for _, r := range all {
		m := r.list
		for len(p.reached) <= r.index {
			p.reached = append(p.reached, reached{})
		}
		if m == nil || !r.live || r.body != nil || len(r.units) > 0 || r.at.number <= m.first || r.at.number > m.end() {
			continue
		}
		before := &m.segments[r.at.number-1-m.first]
		if u, err := r.resolve(before.uri); err == nil {
			p.reached[r.index] = reached{r.at, u.Path, before.of}
		}
	}
}

// resume moves the position of a rendition, which has just been joined, behind the segments that were read before: a playlist that
// was stale for too long, and is pulled again, may still have them. The playlist is the same one if the segment before is.
func (p *Past) resume(r *rendition) {
	if r.index >= len(p.reached) {
		return
	}
	was, m := p.reached[r.index], r.list
	if n := was.at.number; was.path == "" || n <= m.first || n > m.end() || n < r.at.number {
		return
	}
	before := &m.segments[was.at.number-1-m.first]
	if u, err := r.resolve(before.uri); err != nil || u.Path != was.path || before.of != was.of {
		return
	}
	r.at = position{number: was.at.number}
	if was.at.part > 0 { // a part may not begin with a key frame
		r.at.number++
		r.lose(1, 0)
	}
}

// The tracks may change mostChanges times in a row. Then they change once each changeEvery on average, because each change
// begins a file.
const (
	mostChanges = 50
	changeEvery = time.Second
)

// change returns how long the publication of tracks waits, at a time. Segments of the meantime are late, or leave the
// playlist and count as lost.
func (p *Past) change(to []media.Track, now time.Time) (wait time.Duration) {
	if p.tracks != nil && slices.EqualFunc(p.tracks, to, func(a, b media.Track) bool { return a.Equal(&b) }) {
		return 0
	}
	at := &p.changes[p.changed%mostChanges]
	if p.changed >= mostChanges {
		wait = max(at.Add(mostChanges*changeEvery).Sub(now), 0)
	}
	p.tracks, *at = to, now.Add(wait)
	p.changed++
	return wait
}

// delay counts a delay, and reports whether it is the 1st, 2nd, 4th, 8th...
func (p *Past) delay() (times uint64, say bool) {
	p.delays++
	return p.delays, bits.OnesCount64(p.delays) == 1
}
