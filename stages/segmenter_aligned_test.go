package stages

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

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
