package ingest

import "github.com/gospool/spool/pipeline/media"

// The bounds that tests outside the package use.
const (
	MaxElements   = maxElements
	MaxFeedMemory = maxFeedBytes
	HoldBytes     = holdBytes
	MaxIdle       = maxIdleBytes
)

// IdleBytes returns the memory of the idle units.
func IdleBytes() int { return units.bytes() }

// MemoryTotal bounds the feeds that are made until End.
type MemoryTotal struct{ before *memoryTotal }

// NewMemoryTotal replaces the bound of all feeds.
func NewMemoryTotal(bytes int64) MemoryTotal {
	c := MemoryTotal{allFeeds}
	allFeeds = newMemoryTotal(bytes)
	return c
}

// HeldBytes returns the memory that its feeds hold.
func (c MemoryTotal) HeldBytes() int64 { return allFeeds.heldBytes.Load() }

// End restores the previous bound.
func (c MemoryTotal) End() { allFeeds = c.before }

// Spoil leaves a description in the next idle unit of a feed, as another stream may.
func Spoil(f *Feed, track media.Track) { f.units.take().desc = &description{track: track} }

// NALUnits returns the elements of a unit. They are valid until the unit is reused.
func (u *Unit) NALUnits() [][]byte { return u.elements() }
