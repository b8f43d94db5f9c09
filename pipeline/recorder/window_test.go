package recorder_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/recorder"
)

func starts(t require.TestingT, expr, in string, d time.Duration) recorder.ScheduleJob {
	return recorder.ScheduleJob{Name: "start " + expr, Stream: "a", Action: recorder.RecordStart, Cron: cron(t, expr, in), Duration: d}
}

func stops(t require.TestingT, expr, in string) recorder.ScheduleJob {
	return recorder.ScheduleJob{Name: "stop " + expr, Stream: "a", Action: recorder.RecordStop, Cron: cron(t, expr, in)}
}

// intervals evaluates the windows every ten minutes, a divisor of all times here, and joins the answers.
func intervals(a recorder.Agenda, from, to time.Time) (out [][2]time.Time) {
	was := false
	for now := from; now.Before(to); now = now.Add(10 * time.Minute) {
		_, on := a.At("a", now, time.Time{})
		switch {
		case on && !was:
			out = append(out, [2]time.Time{now, to})
		case !on && was:
			out[len(out)-1][1] = now
		}
		was = on
	}
	return out
}

// Across both changes of the clock, in three zones, each day has one window of the full length.
func TestEachWindowOnceWithItsLength(t *testing.T) {
	for in, changes := range map[string][]string{
		"Europe/Berlin":       {"2026-03-27T12:00:00Z", "2026-10-23T12:00:00Z"},
		"America/New_York":    {"2026-03-06T12:00:00Z", "2026-10-30T12:00:00Z"},
		"Australia/Lord_Howe": {"2026-04-03T00:00:00Z", "2026-10-02T00:00:00Z"},
	} {
		for _, from := range changes {
			for _, expr := range []string{"30 1 * * *", "30 2 * * *", "0 3 * * *", "0 8 * * *", "0 22 * * *"} {
				for _, length := range []time.Duration{20 * time.Minute, 8 * time.Hour} {
					a := recorder.Agenda{starts(t, expr, in, length)}
					begin := at(t, from)
					seen := intervals(a, begin, begin.Add(5*24*time.Hour))
					whole := 0
					for _, w := range seen {
						if w[0] == begin || w[1].Equal(begin.Add(5*24*time.Hour)) {
							continue // cut by the test's own ends
						}
						whole++
						require.Equal(t, length, w[1].Sub(w[0]), "%s in %s at %s", expr, in, w[0].In(zone(t, in)))
					}
					require.GreaterOrEqual(t, whole, 4, "%s in %s", expr, in)
					require.LessOrEqual(t, len(seen), 6, "%s in %s", expr, in)
				}
			}
		}
	}
}

func TestWindowsThatOverlapAreOne(t *testing.T) {
	a := recorder.Agenda{
		starts(t, "0 8 * * *", "UTC", 2*time.Hour),
		starts(t, "0 9 * * *", "UTC", 3*time.Hour),
		starts(t, "0 12 * * *", "UTC", time.Hour), // touches the one before
	}
	day := at(t, "2026-05-05T00:00:00Z")
	require.Equal(t, [][2]time.Time{{day.Add(8 * time.Hour), day.Add(13 * time.Hour)}}, intervals(a, day, day.Add(24*time.Hour)))
	w, on := a.At("a", day.Add(8*time.Hour), time.Time{})
	require.True(t, on)
	require.True(t, a.Until("a", w).Equal(day.Add(13*time.Hour)))
	w, _ = a.At("a", day.Add(9*time.Hour+30*time.Minute), time.Time{})
	require.True(t, w.End.Equal(day.Add(12*time.Hour)), "of two the one that lasts longer")
	_, on = a.At("b", day.Add(8*time.Hour), time.Time{})
	require.False(t, on, "another stream")
}

func TestStopJobEndsWindows(t *testing.T) {
	a := recorder.Agenda{
		starts(t, "0 8 * * *", "UTC", 0), stops(t, "0 18 * * *", "UTC"), // until the stop
		starts(t, "0 17 * * *", "UTC", 4*time.Hour), // cut by it
		starts(t, "0 20 * * *", "UTC", time.Hour),   // after it
	}
	day := at(t, "2026-05-05T00:00:00Z")
	want := [][2]time.Time{{day.Add(8 * time.Hour), day.Add(18 * time.Hour)}, {day.Add(20 * time.Hour), day.Add(21 * time.Hour)}}
	require.Equal(t, want, intervals(a, day, day.Add(24*time.Hour)))
	cut, on := a[2:].At("a", day.Add(17*time.Hour), time.Time{})
	require.True(t, on)
	require.Equal(t, 4*time.Hour, cut.End.Sub(cut.Start))
	cut, _ = a[1:].At("a", day.Add(17*time.Hour), time.Time{})
	require.True(t, cut.End.Equal(day.Add(18*time.Hour)), "the stop comes before its own end")
}

func TestStartAndStopAtOneMomentGoesOn(t *testing.T) {
	a := recorder.Agenda{starts(t, "0 8 * * *", "UTC", 0), stops(t, "0 8 * * *", "UTC")}
	day := at(t, "2026-05-05T00:00:00Z")
	require.Len(t, intervals(a, day, day.Add(48*time.Hour)), 1)
}

// A stop by hand applies to the windows that have begun.
func TestStopByHandEndsTheWindowOnly(t *testing.T) {
	a := recorder.Agenda{starts(t, "0 8 * * *", "UTC", 4*time.Hour), starts(t, "0 10 * * *", "UTC", time.Hour)}
	day := at(t, "2026-05-05T00:00:00Z")
	stopped := day.Add(9 * time.Hour)
	for hour, want := range map[int]bool{9: false, 10: true, 11: false, 32: true} {
		_, on := a.At("a", day.Add(time.Duration(hour)*time.Hour), stopped)
		require.Equal(t, want, on, hour)
	}
}

func TestUpcomingInOrder(t *testing.T) {
	a := recorder.Agenda{starts(t, "0 8 * * *", "UTC", 0), stops(t, "0 18 * * *", "UTC")}
	now := at(t, "2026-05-05T09:00:00Z")
	next := a.Upcoming(now, 3)
	require.Len(t, next, 3)
	require.Equal(t, recorder.RecordStop, next[0].Job.Action)
	require.True(t, next[1].At.Equal(at(t, "2026-05-06T08:00:00Z")))
	require.True(t, next[1].End.Equal(at(t, "2026-05-06T18:00:00Z")))
	require.True(t, next[2].At.Equal(at(t, "2026-05-06T18:00:00Z")))
	require.True(t, a.Change(now).Equal(at(t, "2026-05-05T18:00:00Z")))
	require.True(t, recorder.Agenda{}.Change(now).IsZero())
	a = recorder.Agenda{starts(t, "0 8 * * *", "UTC", 2*time.Hour)}
	require.True(t, a.Change(now).Equal(at(t, "2026-05-05T10:00:00Z")), "the window's end")
}
