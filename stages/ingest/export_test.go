package ingest

import "github.com/gospool/spool/pipeline/media"

// What the tests outside the package look at.
const (
	MaxElements   = maxElements
	MaxFeedMemory = maxFeedMemory
	HoldBytes     = holdBytes
	MaxIdle       = maxIdle
)

// IdleBytes returns the memory of the units that nobody fills.
func IdleBytes() int { return units.bytes() }

// Crowd bounds the feeds that are made from now on, until it is ended.
type Crowd struct{ was *crowd }

// NewCrowd begins one.
func NewCrowd(bytes int64) Crowd {
	c := Crowd{everyone}
	everyone = newCrowd(bytes)
	return c
}

// HeldBytes returns what its feeds hold.
func (c Crowd) HeldBytes() int64 { return everyone.held.Load() }

// End goes back to the one before.
func (c Crowd) End() { everyone = c.was }

// Spoil leaves a description in the next idle unit of a feed, as another stream may.
func Spoil(f *Feed, track media.Track) { f.units.take().desc = &description{track: track} }

// NALUnits returns the elements of a unit. They hold until it is used again.
func (u *Unit) NALUnits() [][]byte { return u.elements() }
