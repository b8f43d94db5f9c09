package hls

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/media"
)

// The clock of a moment does not change when anchors are added behind it.
func TestTheClockOfAMomentStays(t *testing.T) {
	const second = int64(time.Second)
	for speed := range int64(3) {
		speed++
		var k media.Anchoring
		utc := int64(1e18)
		var known []int64 // clock of each second, as it was known then
		for at := range int64(40) {
			if at == 20 {
				utc += 90 * second // the clock is set
			}
			k.See(at*second, utc+at*at*3e6, speed) // and drifts
			utc += second * speed
			known = append(known, onward(k.Anchors(at*second+1, speed), at*second))
		}
		all := k.Anchors(40*second, speed)
		require.Greater(t, len(all), 4)
		moved := 0
		for at := range int64(38) { // the second before a step gets its anchor with the next one
			if onward(all, at*second) != known[at] {
				moved++
				require.Contains(t, all, media.Anchor{MediaNS: at * second, UTC: onward(all, at*second)})
			}
		}
		require.LessOrEqual(t, moved, 8)
		require.Equal(t, speed, speedOf(all))
	}
}

// The playlists whose lines are kept are bounded.
func TestRememberedPlaylistsAreBounded(t *testing.T) {
	var k events
	name := func(i int) eventName { return eventName{stream: "live/a", span: [2]int64{int64(i)}} }
	m := &Mapped{Chunks: make([]Chunk, 4096)}
	c := &clip.Clip{ID: media.NewID(time.Now())}
	for i := range 3 * maxEvents {
		k.keep(name(i), c, m)
		k.keep(name(i), c, m)
		require.LessOrEqual(t, k.cost, maxEventCost)
		require.LessOrEqual(t, len(k.list), maxEvents)
		got, err := k.kept(name(i), c.ID)
		require.NoError(t, err)
		require.Same(t, m, got)
	}
	got, err := k.kept(name(0), c.ID)
	require.NoError(t, err)
	require.Nil(t, got)
	require.Greater(t, len(k.list), 50)
}
