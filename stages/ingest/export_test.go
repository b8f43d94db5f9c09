package ingest

import "github.com/gospool/spool/pipeline/media"

// The bounds that tests outside the package use.
const (
	MaxElements   = maxElements
	MaxFeedMemory = maxFeedMemory
	HoldBytes     = holdBytes
	MaxIdle       = maxIdle
)

// IdleBytes returns the memory of the idle units.
func IdleBytes() int { return units.bytes() }

// Crowd bounds the feeds that are made until End.
type Crowd struct{ was *crowd }

// NewCrowd replaces the bound of all feeds.
func NewCrowd(bytes int64) Crowd {
	c := Crowd{everyone}
	everyone = newCrowd(bytes)
	return c
}

// HeldBytes returns the memory that its feeds hold.
func (c Crowd) HeldBytes() int64 { return everyone.held.Load() }

// End restores the previous bound.
func (c Crowd) End() { everyone = c.was }

// Spoil leaves a description in the next idle unit of a feed, as another stream may.
func Spoil(f *Feed, track media.Track) { f.units.take().desc = &description{track: track} }

// NALUnits returns the elements of a unit. They are valid until the unit is reused.
func (u *Unit) NALUnits() [][]byte { return u.elements() }
