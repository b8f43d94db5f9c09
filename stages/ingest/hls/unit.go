package hls

import (
	"github.com/gospool/spool/pipeline/media"
)

// tracks are the tracks of the media that a reader reads. They do not change: other tracks are other ones.
type tracks struct {
	list   []media.Track
	ninety bool // the times are those of a transport stream: they begin anew after 2^33 ticks of 90 kHz
}

// unit is an access unit on its way from a segment to the publisher.
type unit struct {
	of            *tracks
	track         int // index in of
	dts, pts      int64
	durationTicks int64
	sync          bool
	lost          int         // units lost before it, as the reader of the media says
	by            media.Cause // of that loss
	framed        bool        // see media.AU
	data          [][]byte    // see media.AU.Payload
	own           []byte      // memory of data, unless that is of the reader
	period        uint64      // of the timeline: see playlist
	losses        int         // segments and parts that are missing before the unit
	lossNS        int64       // their duration, as the playlist says
	leftNS        int64       // that of those which had left the playlist
}

// ns returns the decoding time, ns of the stream's clock.
func (u *unit) ns() int64 { return media.ToNanos(u.dts, u.of.list[u.track].Timescale) }

// queue holds units in decoding order.
type queue struct {
	units []*unit
	free  []*unit
}

// take returns an empty unit.
func (q *queue) take() *unit {
	if n := len(q.free); n > 0 {
		u := q.free[n-1]
		q.free = q.free[:n-1]
		*u = unit{data: u.data[:0], own: u.own[:0]}
		return u
	}
	return &unit{}
}

// maxFree bounds the memory of units that are used again: their number, and the bytes of each.
const (
	maxFree      = 64
	maxFreeBytes = 1 << 20
)

// put takes a unit back.
func (q *queue) put(u *unit) {
	if len(q.free) < maxFree && cap(u.own) <= maxFreeBytes {
		q.free = append(q.free, u)
	}
}

// pop removes the first unit.
func (q *queue) pop() *unit {
	u := q.units[0]
	if len(q.units) > maxFree {
		q.units[0], q.units = nil, q.units[1:]
		return u
	}
	q.units = q.units[:copy(q.units, q.units[1:])]
	return u
}

// copy copies the payload of an access unit into a unit.
func (u *unit) copy(payload [][]byte) {
	size := 0
	for _, p := range payload {
		size += len(p)
	}
	if cap(u.own) < size {
		u.own = make([]byte, 0, size)
	}
	for _, p := range payload {
		at := len(u.own)
		u.own = append(u.own, p...)
		u.data = append(u.data, u.own[at:])
	}
}
