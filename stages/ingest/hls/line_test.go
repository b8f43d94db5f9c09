package hls

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// stillClock is a clock that stands still, and by which each wait is over at once.
type stillClock struct {
	now    time.Time
	waited time.Duration
}

func (c *stillClock) Now() time.Time { return c.now }
func (c *stillClock) After(d time.Duration) (<-chan time.Time, func()) {
	c.waited = d
	done := make(chan time.Time, 1)
	done <- c.now
	return done, func() {}
}

// headAt returns a rendition whose next unit has a time, ticks of 90 kHz.
func headAt(index int, ticks int64, ninety bool) *rendition {
	of := &tracks{list: []media.Track{{Timescale: hz90}}, ninety: ninety}
	r := &rendition{index: index}
	r.units = []*unit{{of: of, dts: ticks, pts: ticks}}
	return r
}

// The clock of a transport stream begins anew after 2^33 ticks, which may be between the first units of two renditions.
func TestTheClocksOfRenditionsAreAligned(t *testing.T) {
	for name, c := range map[string]struct {
		video, sound int64
		ninety       bool
		apart        int64 // ticks
	}{
		"alike":                      {900, 1000, true, 100},
		"the sound began anew":       {1<<33 - 1000, 500, true, 1500},
		"the pictures began anew":    {500, 1<<33 - 1000, true, -1500},
		"of different clocks":        {900, 90000000, true, 0},
		"of fragments, which do not": {1<<33 - 1000, 500, false, 0},
	} {
		l := newLine(Options{Log: slog.New(slog.DiscardHandler)})
		l.add()
		l.add()
		video, sound := headAt(0, c.video, c.ninety), headAt(1, c.sound, c.ninety)
		l.align([]*rendition{video, sound})
		apart := l.place(sound, sound.units[0]) - l.place(video, video.units[0])
		require.InDelta(t, media.ToNanos(c.apart, hz90), apart, 2, name)
	}
}

// Media is due at the pace of its times. Media that is late moves what follows. Behind segments that have left the playlist it is
// due at once, and a playlist that has much more than is needed makes the pace twice as fast.
func TestThePace(t *testing.T) {
	clock := &stillClock{now: time.Now()}
	l := newLine(Options{Clock: clock})
	l.add()
	left := int64(0)
	due := func(ticks int64) time.Duration {
		clock.waited = 0
		r := headAt(0, ticks, true)
		r.units[0].leftNS = left
		require.NoError(t, l.wait(context.Background(), r, r.units[0]))
		return clock.waited
	}
	require.Zero(t, due(0))
	require.Equal(t, time.Second, due(hz90))
	clock.now = clock.now.Add(time.Second + time.Duration(lateNS)/2)
	require.Equal(t, time.Second-time.Duration(lateNS)/2, due(2*hz90), "a little late")
	clock.now = clock.now.Add(5 * time.Second)
	require.Zero(t, due(3*hz90), "late")
	require.Equal(t, time.Second, due(4*hz90))
	left = int64(3 * time.Second)
	require.Equal(t, 2*time.Second, due(8*hz90), "behind 3 s that have left the playlist")
	clock.now = clock.now.Add(2 * time.Second)
	require.Zero(t, due(10*hz90), "behind 2 s, as the times say")
	left, l.behind = 0, true
	require.Equal(t, time.Second, due(12*hz90))
	clock.now = clock.now.Add(time.Second)
	require.Equal(t, time.Second/2, due(13*hz90))
}
