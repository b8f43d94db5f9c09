package media

import (
	"math/bits"
	"time"
)

// Anchor maps one moment of a recording's media time to the wall clock.
type Anchor struct {
	MediaNS int64 `json:"media_ns"` // media time since the beginning of the file, in presentation order
	UTC     int64 `json:"utc_ns"`
}

// Anchors map the media time of a recording to the wall clock. At interpolates linearly between two
// anchors; before the first and after the last anchor the clock runs as fast as the media. The
// first anchor is at the beginning of the file and the last at its end. The anchors between mark
// where the wall clock departs from the interpolation by more than a tolerance: two anchors for a
// step of the clock, and as many as needed for a drift.
//
// MediaNS and UTC increase strictly. Where the clock was set back within a file, the wall clock of
// its media stands still until the clock has caught up.
type Anchors []Anchor

// MaxAnchors bounds the anchors of one recording. anchorToleranceNS is the departure of the wall clock from the
// interpolation that makes Anchoring add an anchor. If a recording would need more than MaxAnchors, Anchoring
// doubles its tolerance and thins the anchors that it has.
const (
	MaxAnchors        = 64
	anchorToleranceNS = int64(100 * time.Millisecond)
)

// At returns the wall clock, ns UTC, at a moment of the media. Without anchors it returns mediaNS.
func (a Anchors) At(mediaNS int64) int64 {
	i := a.before(func(x Anchor) bool { return x.MediaNS <= mediaNS })
	switch {
	case len(a) == 0:
		return mediaNS
	case i < 0:
		return a[0].UTC - (a[0].MediaNS - mediaNS)
	case i == len(a)-1:
		return a[i].UTC + (mediaNS - a[i].MediaNS)
	}
	return a[i].UTC + scale(mediaNS-a[i].MediaNS, a[i+1].UTC-a[i].UTC, a[i+1].MediaNS-a[i].MediaNS, 0)
}

// Media returns the first moment of the media, in ns since the beginning of the file, whose wall clock is utc
// or later. It is the inverse of At where the wall clock runs at least as fast as the media. Without anchors it
// returns utc.
func (a Anchors) Media(utc int64) int64 {
	i := a.before(func(x Anchor) bool { return x.UTC <= utc })
	switch {
	case len(a) == 0:
		return utc
	case i < 0:
		return a[0].MediaNS - (a[0].UTC - utc)
	case i == len(a)-1:
		return a[i].MediaNS + (utc - a[i].UTC)
	}
	wall := a[i+1].UTC - a[i].UTC
	return a[i].MediaNS + scale(utc-a[i].UTC, a[i+1].MediaNS-a[i].MediaNS, wall, wall-1)
}

// before returns the index of the last anchor for which holds returns true, or -1 if holds is false for all. The
// anchors for which holds is true must come first in the list.
func (a Anchors) before(holds func(Anchor) bool) int {
	low, high := 0, len(a)
	for low < high {
		if mid := (low + high) / 2; holds(a[mid]) {
			low = mid + 1
		} else {
			high = mid
		}
	}
	return low - 1
}

// scale returns (n*to + plus) / from, exactly, for n in [0, from].
func scale(n, to, from, plus int64) int64 {
	high, low := bits.Mul64(uint64(n), uint64(to))
	low, carry := bits.Add64(low, uint64(plus), 0)
	q, _ := bits.Div64(high+carry, low, uint64(from))
	return int64(q)
}

// WellFormed reports whether media time and UTC both increase strictly from anchor to anchor.
func (a Anchors) WellFormed() bool {
	for i := 1; i < len(a); i++ {
		if a[i].MediaNS <= a[i-1].MediaNS || a[i].UTC <= a[i-1].UTC {
			return false
		}
	}
	return true
}

// Anchoring computes the anchors of one file from the wall clocks that See gets in the order of media time. The
// zero value is ready for use.
type Anchoring struct {
	list        Anchors
	newest      Anchor // the last pair of times that See added
	toleranceNS int64  // departure that makes a new anchor; 0 means anchorToleranceNS
}

// See adds the wall clock, ns UTC, of a moment of the media. It ignores a moment that is not after the previous
// one. speed is the factor by which the media runs faster than the wall clock; 0 means 1.
func (k *Anchoring) See(mediaNS, utc, speed int64) {
	speed = max(speed, 1)
	if len(k.list) == 0 {
		k.list = append(k.list, Anchor{MediaNS: 0, UTC: utc - mediaNS*speed})
		k.newest = k.list[0]
	}
	if mediaNS <= k.newest.MediaNS {
		return
	}
	utc = max(utc, k.newest.UTC+1)
	last, before := k.list[len(k.list)-1], k.newest
	k.newest = Anchor{mediaNS, utc}
	k.toleranceNS = max(k.toleranceNS, anchorToleranceNS)
	if off(last, k.newest, speed) <= k.toleranceNS {
		return
	}
	// A step of the clock: an anchor right before it keeps the interpolation exact up to there.
	if before != last && off(before, k.newest, speed) > k.toleranceNS/2 {
		k.put(before)
	}
	k.put(k.newest)
}

func (k *Anchoring) put(a Anchor) {
	if len(k.list) >= MaxAnchors-1 { // the last place is for the anchor at the end of the file
		k.toleranceNS *= 2
		k.list = k.list.Thin(MaxAnchors / 2)
	}
	k.list = append(k.list, a)
}

// off returns the absolute difference, in ns, between the wall clock of anchor a and the wall clock that anchor
// from predicts for the same moment of the media.
func off(from, a Anchor, speed int64) int64 {
	d := (a.UTC - from.UTC) - (a.MediaNS-from.MediaNS)*speed
	return max(d, -d)
}

// Anchors returns the anchors of a file that ends at the media time endNS. speed is the factor by which the media
// runs faster than the wall clock; 0 means 1. It returns nil if See was not called. The caller owns the slice.
func (k *Anchoring) Anchors(endNS, speed int64) Anchors {
	if len(k.list) == 0 {
		return nil
	}
	out := append(make(Anchors, 0, len(k.list)+2), k.list...)
	last := out[len(out)-1]
	if left := endNS - last.MediaNS; left > 0 {
		out = append(out, Anchor{endNS, last.UTC + left*max(speed, 1)})
	}
	return out
}

// Thin returns a copy with at most the given number of anchors; 2 is the least bound. It keeps the first and
// the last anchor, and removes those whose wall clock differs least from the interpolation between their
// neighbours.
func (a Anchors) Thin(most int) Anchors {
	out := append(Anchors(nil), a...)
	for len(out) > max(most, 2) {
		least, at := int64(-1), 1
		for i := 1; i < len(out)-1; i++ {
			two := Anchors{out[i-1], out[i+1]}
			d := two.At(out[i].MediaNS) - out[i].UTC
			if d = max(d, -d); least < 0 || d < least {
				least, at = d, i
			}
		}
		out = append(out[:at], out[at+1:]...)
	}
	return out
}
