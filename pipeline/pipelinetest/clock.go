package pipelinetest

import (
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gospool/spool/pipeline"
)

// Clock is the machine's clock with a wall clock that a test can set: the
// monotonic reading goes on as if nothing had happened, which package time has no
// other way to make.
type Clock struct{ set atomic.Int64 }

var _ pipeline.Clock = (*Clock)(nil)

// Set sets the wall clock forward, or back.
func (c *Clock) Set(by time.Duration) { c.set.Add(int64(by)) }

// Now returns the time.
func (c *Clock) Now() time.Time { return Step(time.Now(), time.Duration(c.set.Load())) }

// After goes by the monotonic clock, which is not set.
func (c *Clock) After(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

// Step returns a time whose wall clock shows something else.
func Step(t time.Time, by time.Duration) time.Time {
	type layout struct { // of time.Time
		wall uint64
		ext  int64 // the monotonic reading, where there is one
		loc  *time.Location
	}
	stepped := t.Add(by) // both readings
	(*layout)(unsafe.Pointer(&stepped)).ext = (*layout)(unsafe.Pointer(&t)).ext
	return stepped
}
