package wallclock_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/wallclock"
)

// twoClocks holds a machine's clocks: the wall clock can be set, and the monotonic one goes on.
type twoClocks struct {
	wall   time.Time
	steady time.Duration
	synced bool
}

func (c *twoClocks) Now() time.Time        { return c.wall }
func (c *twoClocks) Steady() time.Duration { return c.steady }
func (c *twoClocks) kernel() bool          { return c.synced }
func (c *twoClocks) After(time.Duration) (<-chan time.Time, func()) {
	return make(chan time.Time), func() {}
}

func (c *twoClocks) pass(d time.Duration) { c.wall, c.steady = c.wall.Add(d), c.steady+d }

const years = 365 * 24 * time.Hour

var today = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)

func watched(c *twoClocks) (*wallclock.Judge, *bytes.Buffer) {
	log := &bytes.Buffer{}
	return wallclock.New(c, c.kernel, slog.New(slog.NewTextHandler(log, nil))), log
}

func TestClockIsJudgedAtStart(t *testing.T) {
	for _, c := range []struct {
		name   string
		wall   time.Time
		newest time.Time // of the files; zero: no file
		synced bool
		state  wallclock.State // at the start
		hour   wallclock.State // an hour later
		best   time.Time       // at the start
	}{
		{"right", today, today.Add(-time.Minute), false, wallclock.Unproven, wallclock.Believed, today},
		{"right and synchronised", today, today.Add(-time.Minute), true, wallclock.Believed, wallclock.Believed, today},
		{"nothing recorded yet", today, time.Time{}, false, wallclock.Unproven, wallclock.Believed, today},
		{"recorded in 1970 alone", today, time.Unix(60, 0), false, wallclock.Unproven, wallclock.Believed, today},
		{"off for a week", today, today.Add(-7 * 24 * time.Hour), false, wallclock.Unproven, wallclock.Believed, today},
		{"off for two months", today, today.Add(-60 * 24 * time.Hour), false, wallclock.Doubtful, wallclock.Doubtful, today.Add(-60 * 24 * time.Hour)},
		{"off for two months, synchronised", today, today.Add(-60 * 24 * time.Hour), true, wallclock.Believed, wallclock.Believed, today},
		{"ten years ahead", today.Add(10 * years), today, false, wallclock.Doubtful, wallclock.Doubtful, today},
		{"1970", time.Unix(60, 0), today, false, wallclock.Wrong, wallclock.Wrong, today},
		{"1970 and nothing recorded", time.Unix(60, 0), time.Time{}, false, wallclock.Wrong, wallclock.Wrong, time.Unix(60, 0)},
		{"1970, however synchronised", time.Unix(60, 0), today, true, wallclock.Wrong, wallclock.Wrong, today},
		{"three hours behind", today.Add(-3 * time.Hour), today, false, wallclock.Wrong, wallclock.Wrong, today},
		{"a file of the future, synchronised", today, today.Add(10 * years), true, wallclock.Believed, wallclock.Believed, today},
		{"a file that is a moment ahead", today, today.Add(time.Second), false, wallclock.Unproven, wallclock.Believed, today},
	} {
		t.Run(c.name, func(t *testing.T) {
			clocks := &twoClocks{wall: c.wall, synced: c.synced}
			w, _ := watched(clocks)
			if !c.newest.IsZero() {
				w.Seen("the newest file", c.newest)
			}
			r := w.Read()
			require.Equal(t, c.state, r.State)
			require.True(t, c.best.Equal(r.Best), "%s", r.Best)
			require.Equal(t, c.state == wallclock.Believed, r.Why == "")
			clocks.pass(time.Hour - time.Second)
			require.Equal(t, c.state, w.Read().State)
			clocks.pass(time.Second)
			require.Equal(t, c.hour, w.Read().State)
		})
	}
}

// A recording of this process has the clock's own time, so it proves nothing about the clock.
func TestOwnRecordingsDoNotProveTheClock(t *testing.T) {
	clocks := &twoClocks{wall: today.Add(10 * years)}
	w, _ := watched(clocks)
	w.Seen("the newest file", today)
	clocks.pass(2 * time.Hour)
	w.Seen("the newest file", clocks.wall)
	require.Equal(t, wallclock.Doubtful, w.Read().State)
	clocks.pass(100 * 24 * time.Hour)
	require.Equal(t, wallclock.Doubtful, w.Read().State)
}

// After a run of months the wall clock is far from the newest file of the start; it is believed all the same.
func TestALongRunIsNotDoubted(t *testing.T) {
	clocks := &twoClocks{wall: today}
	w, _ := watched(clocks)
	w.Seen("the newest file", today.Add(-time.Hour))
	clocks.pass(200 * 24 * time.Hour)
	require.Equal(t, wallclock.Believed, w.Read().State)
}

func TestAStepIsNotBelievedForAnHour(t *testing.T) {
	for name, by := range map[string]time.Duration{"ahead": 2 * time.Hour, "back": -2 * time.Hour} {
		for _, synced := range []bool{false, true} {
			t.Run(name, func(t *testing.T) {
				clocks := &twoClocks{wall: today, synced: synced}
				w, log := watched(clocks)
				clocks.pass(3 * time.Hour)
				require.True(t, w.Read().Believed())
				clocks.wall = clocks.wall.Add(by)
				r := w.Read()
				require.Equal(t, wallclock.Unproven, r.State)
				require.Equal(t, 1, r.Steps)
				clocks.pass(time.Hour - time.Second)
				require.False(t, w.Read().Believed())
				clocks.pass(time.Second)
				require.True(t, w.Read().Believed())
				require.Equal(t, 1, w.Read().Steps)
				require.Equal(t, 1, strings.Count(log.String(), "the clock was stepped"))
			})
		}
	}
}

// If no file was recorded before the start, a step is measured against the clock at the start.
func TestAStepByYearsIsDoubtedWithoutTheKernelsWord(t *testing.T) {
	clocks := &twoClocks{wall: today}
	w, _ := watched(clocks)
	clocks.pass(100 * 24 * time.Hour)
	require.True(t, w.Read().Believed())
	clocks.wall = clocks.wall.Add(100 * 24 * time.Hour)
	w.Read()
	clocks.pass(2 * time.Hour)
	r := w.Read()
	require.Equal(t, wallclock.Doubtful, r.State)
	require.True(t, r.Best.Equal(today.Add(100*24*time.Hour+2*time.Hour)), "%s", r.Best)
	clocks.wall = clocks.wall.Add(-100 * 24 * time.Hour)
	require.Equal(t, wallclock.Unproven, w.Read().State)
	clocks.pass(time.Hour)
	require.True(t, w.Read().Believed())
	clocks.wall, clocks.synced = clocks.wall.Add(10*years), true
	w.Read()
	clocks.pass(time.Hour)
	require.True(t, w.Read().Believed(), "the kernel's word")
}

// Small steps count together as one step.
func TestStepsThatAddUpAreNoticed(t *testing.T) {
	clocks := &twoClocks{wall: today, synced: true}
	w, _ := watched(clocks)
	for range 3 {
		clocks.pass(time.Minute)
		clocks.wall = clocks.wall.Add(40 * time.Second)
		w.Read()
	}
	require.Equal(t, 1, w.Read().Steps)
}

// A board boots in 1970, records, and NTP sets its clock.
func TestAClockThatIsSetRightIsBelievedAfterAnHour(t *testing.T) {
	clocks := &twoClocks{wall: time.Unix(30, 0)}
	w, log := watched(clocks)
	w.Seen("the newest file", today.Add(-time.Hour))
	problems := w.Problems()
	require.Len(t, problems, 1)
	require.Equal(t, "clock_wrong", problems[0].Problem)
	require.Contains(t, problems[0].Cause, "1970-01-01T00:00:30Z")
	require.Contains(t, problems[0].Remedy, "NTP")
	clocks.pass(time.Minute)
	clocks.wall, clocks.synced = today, true
	require.Equal(t, wallclock.Unproven, w.Read().State)
	require.Empty(t, w.Problems())
	clocks.pass(time.Hour)
	require.True(t, w.Read().Believed())
	require.Equal(t, 1, strings.Count(log.String(), "the clock is not believed"))
	require.Equal(t, 1, strings.Count(log.String(), "agrees with the recordings again"))
}

func TestAnOperatorConfirmsTheClock(t *testing.T) {
	clocks := &twoClocks{wall: today.Add(10 * years)}
	w, _ := watched(clocks)
	w.Seen("the newest file", today)
	require.Equal(t, "clock_doubtful", w.Problems()[0].Problem)
	require.NoError(t, w.Confirm())
	require.True(t, w.Read().Believed())
	clocks.wall = clocks.wall.Add(-10 * years)
	require.False(t, w.Read().Believed(), "it was another clock that was confirmed")

	clocks = &twoClocks{wall: time.Unix(60, 0)}
	w, _ = watched(clocks)
	require.ErrorIs(t, w.Confirm(), wallclock.ErrWrong)
	require.Equal(t, wallclock.Wrong, w.Read().State)
}

// A reading does not count as a step of the machine's clock.
func TestTheMachinesClockStandsStill(t *testing.T) {
	w := wallclock.New(pipeline.SystemClock, wallclock.KernelSynchronised, slog.New(slog.DiscardHandler))
	w.Seen("the newest file", time.Now())
	r := w.Read()
	require.Zero(t, r.Steps)
	require.Contains(t, []wallclock.State{wallclock.Believed, wallclock.Unproven}, r.State)
}
