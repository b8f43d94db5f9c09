package stages

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// The camera begins 2 s after a multiple of 3 s and sends a key frame every 2 s: each file begins with the first key
// frame at or after a multiple.
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

// A clock that is set back by an hour does not make a file an hour longer, and one that is set forward by an hour does
// not cut it.
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

func TestNextAligned(t *testing.T) {
	for _, c := range []struct {
		every time.Duration
		zone  string
		after string
		want  []string
	}{
		{15 * time.Minute, "UTC", "2026-05-05T10:07:00Z", []string{"2026-05-05T10:15:00Z", "2026-05-05T10:30:00Z"}},
		{15 * time.Minute, "UTC", "2026-05-05T23:59:59Z", []string{"2026-05-06T00:00:00Z"}},
		{time.Hour, "Asia/Kolkata", "2026-05-05T10:07:00+05:30", []string{"2026-05-05T11:00:00+05:30"}},
		{24 * time.Hour, "Asia/Kathmandu", "2026-05-05T10:07:00+05:45", []string{"2026-05-06T00:00:00+05:45"}},
		// The short and the long day.
		{24 * time.Hour, "Europe/Berlin", "2026-03-29T00:00:00+01:00", []string{"2026-03-30T00:00:00+02:00"}},
		{24 * time.Hour, "Europe/Berlin", "2026-10-25T00:00:00+02:00", []string{"2026-10-26T00:00:00+01:00"}},
		{time.Hour, "Europe/Berlin", "2026-03-29T01:30:00+01:00", []string{"2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00"}},
		{time.Hour, "Europe/Berlin", "2026-10-25T01:30:00+02:00", []string{"2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00"}},
		{6 * time.Hour, "America/New_York", "2026-11-01T00:10:00-04:00", []string{"2026-11-01T06:00:00-05:00", "2026-11-01T12:00:00-05:00"}},
		{time.Hour, "Australia/Lord_Howe", "2026-10-04T01:10:00+10:30", []string{"2026-10-04T03:00:00+11:00"}},
		{15 * time.Minute, "Australia/Lord_Howe", "2026-04-05T01:50:00+11:00", []string{"2026-04-05T01:30:00+10:30", "2026-04-05T01:45:00+10:30"}},
	} {
		now, err := time.Parse(time.RFC3339, c.after)
		require.NoError(t, err)
		loc, err := time.LoadLocation(c.zone)
		require.NoError(t, err)
		for _, want := range c.want {
			now = nextAligned(now, c.every, loc)
			require.Equal(t, want, now.Format(time.RFC3339), "every %s in %s after %s", c.every, c.zone, c.after)
		}
	}
}
