package pipelinetest

import (
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gospool/spool/pipeline"
)

// Clock is the machine's clock with a wall clock that a test can set. The monotonic reading
// continues unchanged, which package time alone cannot produce.
type Clock struct{ set atomic.Int64 }

var _ pipeline.Clock = (*Clock)(nil)

// Set moves the wall clock.
func (c *Clock) Set(by time.Duration) { c.set.Add(int64(by)) }

// Now returns the time.
func (c *Clock) Now() time.Time { return Step(time.Now(), time.Duration(c.set.Load())) }

// After uses the monotonic clock, which cannot be set.
func (c *Clock) After(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

// Step returns a time whose wall clock is moved by so much.
func Step(t time.Time, by time.Duration) time.Time {
	type layout struct { // of time.Time
		wall uint64
		ext  int64 // the monotonic reading, if any
		loc  *time.Location
	}
	stepped := t.Add(by) // both readings
	(*layout)(unsafe.Pointer(&stepped)).ext = (*layout)(unsafe.Pointer(&t)).ext
	return stepped
}
