package webhook

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/spec"
)

// What waits over a restart is not given up because the clock says that years have
// passed, or that it was made in 1970; and never before it was tried for an hour.
func TestAWrongClockGivesNoNoticeUp(t *testing.T) {
	right := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		made, now time.Time
		synced    bool
		given     bool
	}{
		"right":               {right, right.Add(time.Minute), true, false},
		"too old":             {right, right.Add(2 * time.Hour), true, true},
		"years ahead":         {right, right.Add(10 * 365 * 24 * time.Hour), false, false},
		"made in 1970":        {time.Unix(60, 0), right, true, false},
		"made in the future":  {right.AddDate(10, 0, 0), right, true, false},
		"now it is 1970":      {right, time.Unix(60, 0), false, false},
		"believed, and ahead": {right, right.AddDate(10, 0, 0), true, true},
	} {
		t.Run(name, func(t *testing.T) {
			clock := &skipping{now: c.now}
			wall := pipeline.NewWallClock(clock, func() bool { return c.synced }, slog.New(slog.DiscardHandler))
			wall.Seen("a recording", right.Add(-time.Minute))
			b := &Outbox{clock: clock, wall: wall}
			e, n := &entry{queued: c.now}, &Notice{Created: c.made.UnixNano(), GiveUp: spec.Duration(3 * time.Hour)}
			require.False(t, b.tooOld(e, n))
			clock.now = clock.now.Add(61 * time.Minute) // of trying
			require.Equal(t, c.given, b.tooOld(e, n))
			clock.now = clock.now.Add(2 * time.Hour)
			require.True(t, b.tooOld(e, n))
		})
	}
}

// The outbox asks it.
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
