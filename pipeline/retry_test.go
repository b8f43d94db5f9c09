package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
)

// waitless is a clock whose waits are over at once, or never, and are noted.
type waitless struct {
	now   time.Time
	never bool
	waits []time.Duration
}

func (c *waitless) Now() time.Time { return c.now }

func (c *waitless) After(d time.Duration) (<-chan time.Time, func()) {
	c.waits = append(c.waits, d)
	over := make(chan time.Time, 1)
	if !c.never {
		over <- c.now
	}
	return over, func() {}
}

var errBroken = errors.New("it broke")

// script makes an attempt of each step in turn; the last one ends the attempts.
func script(clock *waitless, made *int, steps ...step) func() (bool, error) {
	return func() (bool, error) {
		s := steps[*made]
		*made++
		clock.now = clock.now.Add(s.lasts)
		return *made == len(steps), s.err
	}
}

type step struct {
	lasts time.Duration
	err   error
}

func TestRetryWaitsAfterFailuresOnly(t *testing.T) {
	clock, made, told := &waitless{}, 0, []time.Duration{}
	r := pipeline.Retry{Clock: clock, Failed: func(err error, wait time.Duration) {
		require.ErrorIs(t, err, errBroken)
		require.Len(t, clock.waits, len(told), "Failed is called before the wait")
		told = append(told, wait)
	}}
	long := time.Minute + 1
	require.True(t, r.Run(t.Context(), script(clock, &made,
		step{}, step{0, errBroken}, step{0, errBroken}, step{time.Minute, errBroken}, step{}, step{0, errBroken}, step{0, errBroken}, step{long, errBroken}, step{0, errBroken})))
	require.Equal(t, 9, made)
	require.Equal(t, told, clock.waits)
	most := []time.Duration{500, 1000, 2000, 500, 1000, 500}
	require.Len(t, told, len(most))
	for i, wait := range told {
		require.LessOrEqual(t, wait, most[i]*time.Millisecond, i)
		require.GreaterOrEqual(t, wait, most[i]*time.Millisecond/2, i)
	}
}

// Worked decides whether an attempt counts as a success, not the time that it lasted.
func TestRetryResetsItsWaitAfterAnAttemptThatWorked(t *testing.T) {
	clock, made, worked := &waitless{}, 0, false
	r := pipeline.Retry{Clock: clock, Worked: func() bool { return worked }, Failed: func(error, time.Duration) { worked = made == 2 }}
	r.Run(t.Context(), script(clock, &made, step{time.Hour, errBroken}, step{time.Hour, errBroken}, step{0, errBroken}, step{}))
	require.Len(t, clock.waits, 3)
	require.GreaterOrEqual(t, clock.waits[1], 500*time.Millisecond)
	require.LessOrEqual(t, clock.waits[2], 500*time.Millisecond)
}

func TestRetryWaitsForTheErrorsDuration(t *testing.T) {
	clock, made := &waitless{}, 0
	r := pipeline.Retry{Clock: clock, Failed: func(err error, _ time.Duration) { require.ErrorIs(t, err, errBroken) }}
	later := pipeline.TryLater(errBroken, time.Hour)
	require.Equal(t, errBroken.Error(), later.Error())
	r.Run(t.Context(), script(clock, &made, step{0, fmt.Errorf("asked: %w", later)}, step{0, pipeline.TryLater(errBroken, 1)}, step{}))
	require.Len(t, clock.waits, 2)
	require.Equal(t, time.Hour, clock.waits[0])
	require.GreaterOrEqual(t, clock.waits[1], 500*time.Millisecond, "it shortens no wait")
}

func TestRetryIsTriedAtOnceWhenAWaitEndsEarly(t *testing.T) {
	clock, made, early := &waitless{never: true}, 0, make(chan struct{})
	r := pipeline.Retry{Clock: clock, Early: early, Failed: func(error, time.Duration) {
		if made == 1 {
			close(early)
		}
	}}
	require.True(t, r.Run(t.Context(), script(clock, &made, step{0, errBroken}, step{0, errBroken}, step{0, errBroken})))
	require.Equal(t, 3, made)
}

func TestRetryEndsWithItsContext(t *testing.T) {
	forever := func(made *int, do func()) func() (bool, error) {
		return func() (bool, error) { *made++; do(); return false, errBroken }
	}
	ctx, cancel := context.WithCancel(t.Context())
	clock, made, told := &waitless{never: true}, 0, 0
	r := pipeline.Retry{Clock: clock, Failed: func(error, time.Duration) { told++; cancel() }}
	require.False(t, r.Run(ctx, forever(&made, func() {})), "it ends the wait")
	require.Equal(t, []int{1, 1}, []int{made, told})

	require.False(t, r.Run(ctx, forever(&made, func() {})))
	require.Equal(t, 1, made, "no attempt after the end")

	ctx, cancel = context.WithCancel(t.Context())
	defer cancel()
	require.False(t, r.Run(ctx, forever(&made, cancel)))
	require.Equal(t, []int{2, 1}, []int{made, told}, "that it was cut short is no failure")
}
