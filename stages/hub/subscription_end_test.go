package hub_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/hub"
)

// read returns the numbers of the access units up to the end of a publisher, and that end.
func read(t *testing.T, s *hub.Subscription) (units int, gaps []media.Gap, end error) {
	t.Helper()
	for {
		c, err := s.Take(t.Context())
		if err != nil {
			return units, gaps, err
		}
		if c.Mark != nil {
			gaps = append(gaps, c.Mark.Gap)
		}
		units += c.AccessUnits()
		c.Release()
	}
}

// The reader is behind: three publishers have come and left before it takes the first chunk.
func TestPublishersThatLeaveBeforeTheyAreReadStayApart(t *testing.T) {
	r := newRig(t, hub.Config{})
	sub := r.subscribe(t, "live/a")
	for n, reason := range []media.Cause{endcause.SourceLost, endcause.Replaced, endcause.EndOfFile} {
		p := r.publish(t, "live/a")
		shoot(t, p, 0, 25*(n+1), 25)
		p.Close(reason)
	}
	require.True(t, sub.Pending())
	for n, reason := range []string{endcause.SourceLost, endcause.Replaced, endcause.EndOfFile} {
		require.True(t, sub.Live(), "the end of this publisher is not read yet")
		units, _, end := read(t, sub)
		require.Equal(t, 25*(n+1), units)
		require.Equal(t, pipeline.End(reason), end)
	}
	require.False(t, sub.Live())
	require.False(t, sub.Pending())
}

// Publishers that bring no media leave nothing behind, however many come.
func TestTheEndsOfPublishersWithoutMediaAreOne(t *testing.T) {
	r := newRig(t, hub.Config{})
	sub := r.subscribe(t, "live/a")
	for range 3 {
		r.publish(t, "live/a").Close(endcause.SourceLost)
	}
	_, _, end := read(t, sub)
	require.Equal(t, pipeline.End(endcause.SourceLost), end)
	require.False(t, sub.Live())
	p := r.publish(t, "live/a")
	shoot(t, p, 0, 25, 25)
	p.Close(endcause.SourceLost)
	units, _, end := read(t, sub)
	require.Equal(t, 25, units)
	require.Equal(t, pipeline.End(endcause.SourceLost), end)
}

// A full queue drops the newest media: the gap belongs to the publisher that sent it.
func TestALossBeforeTheEndOfAPublisherIsReportedBeforeIt(t *testing.T) {
	r := newRig(t, hub.Config{MaxQueueBytes: 1})
	sub := r.subscribe(t, "live/a")
	for range 2 {
		p := r.publish(t, "live/a")
		shoot(t, p, 0, 50, 25)
		p.Close(endcause.SourceLost)
	}
	units, gaps, end := read(t, sub)
	require.Equal(t, 25, units)
	require.Len(t, gaps, 1)
	require.Equal(t, pipeline.End(endcause.SourceLost), end)
	require.Equal(t, uint64(75), sub.Dropped().AccessUnits)
	sub.Resume()
	require.Zero(t, sub.Dropped())
}

// A run that is to end with the present publisher reads the publisher that left before the run, and no other.
func TestAnEndThatIsQueuedAlreadyIsTheEndOfThePublisher(t *testing.T) {
	r := newRig(t, hub.Config{})
	sub := r.subscribe(t, "live/a")
	p := r.publish(t, "live/a")
	shoot(t, p, 0, 25, 25)
	p.Close(endcause.SourceLost)
	sub.EndWithPublisher()
	units, _, end := read(t, sub)
	require.Equal(t, 25, units)
	require.Equal(t, pipeline.End(endcause.SourceLost), end)
	sub.EndWithPublisher()
	units, _, end = read(t, sub)
	require.Zero(t, units)
	require.Equal(t, pipeline.End(endcause.SourceLost), end, "the stream has no publisher")
}
