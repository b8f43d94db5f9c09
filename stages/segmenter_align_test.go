package stages

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// The camera begins 2 s after a multiple of 3 s, with a key frame every 2 s: each
// file begins with the first key frame at or after a multiple.
func TestSegmenterCutsByTheWallClock(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	cam.GOP = 50
	r := newReel(t, SegmenterConfig{Align: config.Duration(3 * time.Second), Timezone: "Asia/Kolkata"}, nil)
	shot := append(cam.Shoot(t, 25*12), cam.Cut()...)
	want := units(shot)
	r.feed(shot...)
	r.flush()
	var begins []time.Duration
	got := 0
	for _, s := range r.segments {
		require.True(t, s.starts)
		require.Equal(t, 3*time.Second, s.MaxDuration, "the muxer knows how long a file gets")
		begins = append(begins, time.Duration(s.StartUTC-pipelinetest.StartUTC))
		got += s.units
	}
	sec := time.Second // multiples are at 1, 4, 7 and 10 s
	require.Equal(t, []time.Duration{0, 2 * sec, 4 * sec, 8 * sec, 10 * sec}, begins)
	require.EqualValues(t, endcause.Aligned, r.segments[0].end)
	require.Equal(t, want, got, "no access unit is lost at a cut")
}

// An hour that is set back does not make a file an hour longer, and one that is
// set forward does not tear it.
func TestSegmenterCutsByTheClockThatWasSet(t *testing.T) {
	sec := time.Second
	for step, want := range map[time.Duration][]time.Duration{
		-time.Hour: {0, sec, -time.Hour + 3*sec, -time.Hour + 4*sec, -time.Hour + 7*sec, -time.Hour + 10*sec}, // multiples are at 1, 4, 7 and 10 s
		time.Hour:  {0, sec, time.Hour + 3*sec, time.Hour + 4*sec, time.Hour + 7*sec, time.Hour + 10*sec},
	} {
		pool := pipelinetest.Pool(t)
		r := newReel(t, SegmenterConfig{Align: config.Duration(3 * sec), Timezone: "UTC"}, nil)
		cam := pipelinetest.NewCamera(t, pool)
		r.feed(cam.Shoot(t, 25*3)...)
		r.set(cam, step)
		r.feed(cam.Shoot(t, 25*9+1)...)
		r.flush()
		var begins []time.Duration
		for _, s := range r.segments {
			begins = append(begins, time.Duration(s.StartUTC-pipelinetest.StartUTC))
		}
		require.Equal(t, want, begins, "step of %s", step)
	}
}

func TestSegmenterSettings(t *testing.T) {
	require.Empty(t, SegmenterConfig{Align: config.Duration(15 * time.Minute), Timezone: "Europe/Berlin"}.Check())
	require.Empty(t, SegmenterConfig{Align: config.Duration(24 * time.Hour)}.Check())
	for _, bad := range []time.Duration{7 * time.Hour, 25 * time.Hour, time.Millisecond, 11 * time.Minute} {
		require.Len(t, SegmenterConfig{Align: config.Duration(bad)}.Check(), 1, bad)
	}
	require.Len(t, SegmenterConfig{Timezone: "Europe/Berlyn"}.Check(), 1)
}
