package pipelinetest

import (
	"sync/atomic"
	"time"
	"unsafe"

	"github.com/gospool/spool/pipeline"
)

// Clock is the machine's clock, except that a test can step its wall clock, as setting the machine's time does. The
// monotonic readings of its times do not step.
type Clock struct{ set atomic.Int64 }

var _ pipeline.Clock = (*Clock)(nil)

// Set steps the wall clock by a duration, in addition to earlier steps.
func (c *Clock) Set(by time.Duration) { c.set.Add(int64(by)) }

// Now returns the time with the stepped wall clock.
func (c *Clock) Now() time.Time { return Step(time.Now(), time.Duration(c.set.Load())) }

// After is After of pipeline.Clock. It waits on the monotonic clock, so a step of the wall clock has no effect.
func (c *Clock) After(d time.Duration) (<-chan time.Time, func()) {
	t := time.NewTimer(d)
	return t.C, func() { t.Stop() }
}

// Step returns t with its wall clock stepped by a duration, and the same monotonic reading. Package time has no such
// function: Time.Add changes both.
func Step(t time.Time, by time.Duration) time.Time {
	type layout struct { // the memory layout of time.Time
		wall uint64
		ext  int64 // the monotonic reading, if any
		loc  *time.Location
	}
	stepped := t.Add(by) // changes both readings; the next line restores the monotonic one
	(*layout)(unsafe.Pointer(&stepped)).ext = (*layout)(unsafe.Pointer(&t)).ext
	return stepped
}
