package webhook

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/pipeline/wallclock"
)

// A notice that waits over a restart is not given up because a wrong clock shows that years have passed, or because it
// was made in 1970; and each notice is tried for at least an hour.
func TestAWrongClockGivesNoNoticeUp(t *testing.T) {
	right := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		made, now time.Time
		synced    bool
		given     bool
	}{
		"right":               {right, right.Add(time.Minute), true, false},
		"too old":             {right, right.Add(73 * time.Hour), true, true},
		"years ahead":         {right, right.Add(10 * 365 * 24 * time.Hour), false, false},
		"made in 1970":        {time.Unix(60, 0), right, true, false},
		"made in the future":  {right.AddDate(10, 0, 0), right, true, false},
		"now it is 1970":      {right, time.Unix(60, 0), false, false},
		"believed, and ahead": {right, right.AddDate(10, 0, 0), true, true},
	} {
		t.Run(name, func(t *testing.T) {
			clock := &skipping{now: c.now}
			wall := wallclock.New(clock, func() bool { return c.synced }, slog.New(slog.DiscardHandler))
			wall.Seen("a recording", right.Add(-time.Minute))
			b := &Outbox{clock: clock, wall: wall}
			e, n := &entry{queued: c.now}, &Notice{CreatedUTC: c.made.UnixNano(), GiveUp: config.Duration(72 * time.Hour)}
			clock.now = clock.now.Add(minTryingTime)
			require.False(t, b.tooOld(e, n), "it is tried for an hour at least")
			clock.now = clock.now.Add(time.Minute)
			require.Equal(t, c.given, b.tooOld(e, n))
			clock.now = clock.now.Add(71 * time.Hour) // of trying
			require.True(t, b.tooOld(e, n))
		})
	}
}

// After the clock was set, neither its reading at the time when this process took the notice up nor its new reading
// makes the notice older.
func TestAClockThatIsSetMakesNoNoticeOlder(t *testing.T) {
	const years = 10 * 365 * 24 * time.Hour
	for name, c := range map[string]struct {
		then, now time.Duration // that the clock is off
		age       time.Duration // of the notice when it was taken up
		given     bool
	}{
		"right":            {0, 0, time.Minute, false},
		"too old":          {0, 0, 71 * time.Hour, true},
		"was ahead":        {years, 0, time.Minute, false},
		"was behind":       {-years, 0, time.Minute, false},
		"is ahead":         {0, years, time.Minute, false},
		"is behind":        {0, -years, time.Minute, false},
		"was ahead and is": {years, years, time.Minute, true}, // no sign of a wrong clock
	} {
		t.Run(name, func(t *testing.T) {
			clock, taken := &pipelinetest.Clock{}, time.Now().Add(-90*time.Minute)
			clock.Set(c.now)
			e := &entry{queued: pipelinetest.Step(taken, c.then)}
			n := &Notice{CreatedUTC: taken.Add(-c.age).UnixNano(), GiveUp: config.Duration(72 * time.Hour)}
			require.Equal(t, c.given, (&Outbox{clock: clock}).tooOld(e, n))
		})
	}
}

// The outbox keeps trying a notice that was made in 1970.
func TestANoticeOf1970IsTriedOn(t *testing.T) {
	right := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	clock := &skipping{now: time.Unix(60, 0)}
	server := listen(t, func(attempt int, _ string) int {
		if attempt < 3 {
			return http.StatusServiceUnavailable
		}
		return http.StatusOK
	})
	old := notice(clock, server.URL, `{"n":1}`)
	clock.now = right
	p := begin(t, t.TempDir(), clock)
	require.NoError(t, p.Put(old))
	settled(t, p.Outbox)
	require.Equal(t, 1, p.Counts().Delivered)
}
