package recorder

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Upcoming equals the sorted firings of all jobs, and computes no more of them than its limit.
func TestUpcomingIsTheBeginOfAllFirings(t *testing.T) {
	now := time.Date(2026, 3, 1, 7, 30, 0, 0, time.UTC)
	var a Agenda
	for n := range 40 {
		c, err := ParseCron(fmt.Sprintf("%d %d-23/3 * * *", n%7*5, n%5), time.UTC)
		require.NoError(t, err)
		a = append(a, ScheduleJob{Name: fmt.Sprint(n), Stream: fmt.Sprint("live/", n%9), Action: RecordStart, Cron: c, Duration: time.Minute})
	}
	const most = 200
	var all []Firing
	for _, j := range a {
		at := now
		for range most {
			at = j.Cron.Next(at)
			all = append(all, Firing{Job: j, At: at, End: at.Add(time.Minute)})
		}
	}
	slices.SortStableFunc(all, func(a, b Firing) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Job.Stream, b.Job.Stream))
	})
	got := a.Upcoming(now, most)
	require.Len(t, got, most)
	for i := range got {
		require.Equal(t, all[i].Job.Name, got[i].Job.Name, i)
		require.True(t, all[i].At.Equal(got[i].At), i)
		require.True(t, all[i].End.Equal(got[i].End), i)
	}
	require.Len(t, a.Upcoming(now, 3), 3)
	require.Empty(t, Agenda{}.Upcoming(now, 3))
}
