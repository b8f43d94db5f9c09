package recorder_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gospool/spool/pipeline/recorder"
)

func zone(t require.TestingT, name string) *time.Location {
	loc, err := time.LoadLocation(name)
	require.NoError(t, err)
	return loc
}

func cron(t require.TestingT, expr, in string) recorder.Cron {
	c, err := recorder.ParseCron(expr, zone(t, in))
	require.NoError(t, err, expr)
	return c
}

func at(t require.TestingT, s string) time.Time {
	m, err := time.Parse(time.RFC3339, s)
	require.NoError(t, err)
	return m
}

// Each line is the firings that follow a moment, as the wall clock shows them
// with its offset. The clocks change on 2026-03-29 and 2026-10-25 in Berlin,
// on 2026-03-08 and 2026-11-01 in New York, and by half an hour on 2026-04-05
// and 2026-10-04 on Lord Howe Island.
func TestCronAcrossChangesOfTheClock(t *testing.T) {
	for _, c := range []struct {
		expr, zone, after string
		want              []string
	}{
		{"30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00+01:00", []string{"2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"}},
		{"30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00+02:00", []string{"2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"}},
		{"15,45 2,3 * * *", "Europe/Berlin", "2026-03-29T00:00:00+01:00", []string{"2026-03-29T03:00:00+02:00", "2026-03-29T03:15:00+02:00", "2026-03-29T03:45:00+02:00", "2026-03-30T02:15:00+02:00"}},
		{"0 3 * * *", "Europe/Berlin", "2026-10-25T02:30:00+01:00", []string{"2026-10-25T03:00:00+01:00"}},
		{"30 2 * * *", "America/New_York", "2026-03-07T12:00:00-05:00", []string{"2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"}},
		{"30 1 * * *", "America/New_York", "2026-10-31T12:00:00-04:00", []string{"2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"}},
		{"15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00+10:30", []string{"2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"}},
		{"45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00:00+11:00", []string{"2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"}},
		// Every hour is every hour that passes: 25 of them on the long day.
		{"0 * * * *", "America/New_York", "2026-11-01T00:30:00-04:00", []string{"2026-11-01T01:00:00-04:00", "2026-11-01T01:00:00-05:00", "2026-11-01T02:00:00-05:00"}},
		{"30 */1 * * *", "Europe/Berlin", "2026-10-25T02:00:00+02:00", []string{"2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"}},
		{"@every 90m", "Europe/Berlin", "2026-10-25T02:00:00+02:00", []string{"2026-10-25T02:30:00+01:00", "2026-10-25T04:00:00+01:00"}},
		{"@daily", "Europe/Berlin", "2026-10-24T12:00:00+02:00", []string{"2026-10-25T00:00:00+02:00", "2026-10-26T00:00:00+01:00"}},
		{"0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", []string{"2028-02-29T00:00:00Z"}},
	} {
		now := at(t, c.after)
		for _, want := range c.want {
			now = cron(t, c.expr, c.zone).Next(now)
			require.Equal(t, want, now.Format(time.RFC3339), "%s in %s", c.expr, c.zone)
			require.True(t, cron(t, c.expr, c.zone).Last(now).Equal(now), "%s in %s", c.expr, c.zone)
		}
	}
}

func TestCronRefusesWhatIsNoSchedule(t *testing.T) {
	for _, bad := range []string{"", "@every", "@every 0s", "@every 10", "60 * * * *", "* * * *", "0 0 30 2 *", "TZ=UTC 0 8 * * *", "@sometimes"} {
		_, err := recorder.ParseCron(bad, time.UTC)
		require.Error(t, err, bad)
		require.NotContains(t, err.Error(), "gocron", "what is wrong, and not who says so: %s", bad)
		require.NotContains(t, err.Error(), "\n", bad)
	}
	_, err := recorder.ParseCron("60 * * * *", time.UTC)
	require.ErrorContains(t, err, "above maximum (59)")
}

// Next and Last divide time without a remainder, and a firing is its own Last.
func TestCronNextAndLastAgree(t *testing.T) {
	zones := []string{"UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe"}
	exprs := []string{"30 2 * * *", "*/20 1-3 * * *", "0 * * * *", "5 4 1 * *", "@every 7h", "0 8 * * 1-5", "59 23 31 12 *", "15 0,2,12 * * *"}
	begin := at(t, "2026-01-01T00:00:00Z").Unix()
	rapid.Check(t, func(t *rapid.T) {
		c := cron(t, rapid.SampledFrom(exprs).Draw(t, "expr"), rapid.SampledFrom(zones).Draw(t, "zone"))
		now := time.Unix(begin+rapid.Int64Range(0, 366*86400).Draw(t, "s"), 0)
		next, last := c.Next(now), c.Last(now)
		require.True(t, next.After(now))
		require.False(t, last.After(now))
		require.True(t, c.Next(last).Equal(next), "between %s and %s", last, next)
		require.True(t, c.Last(next.Add(-time.Nanosecond)).Equal(last))
	})
}

func FuzzParseCron(f *testing.F) {
	for _, seed := range []string{"0 8 * * *", "@every 1h", "@daily", "*/5 1-3,5 ? jan mon-fri", "TZ=x", "@every 9999999h"} {
		f.Add(seed)
	}
	now := time.Date(2026, 10, 25, 0, 30, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, expr string) {
		c, err := recorder.ParseCron(expr, zone(t, "Europe/Berlin"))
		if err != nil {
			return
		}
		if next := c.Next(now); !next.IsZero() && !next.After(now) {
			t.Fatalf("%q: %s is not after %s", expr, next, now)
		}
		if last := c.Last(now); last.After(now) {
			t.Fatalf("%q: %s is after %s", expr, last, now)
		}
	})
}
