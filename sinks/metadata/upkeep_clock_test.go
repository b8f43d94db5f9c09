package metadata

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// turnedClock is a clock that the test sets.
type turnedClock struct {
	pipeline.Clock
	ns atomic.Int64
}

func (c *turnedClock) Now() time.Time   { return time.Unix(0, c.ns.Load()) }
func (c *turnedClock) set(to time.Time) { c.ns.Store(to.UnixNano()) }

// TestUpkeepDoesNotTrustTheDatesOfAWrongClock checks that the retention of footage lost while the
// clock was wrong begins when the clock is right.
func TestUpkeepDoesNotTrustTheDatesOfAWrongClock(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 26, 0, 0, 0, 0, time.UTC)
	for name, wrong := range map[string]time.Time{"1970": time.Unix(1000, 0), "the future": now.AddDate(10, 0, 0)} {
		t.Run(name, func(t *testing.T) {
			eachDatabase(t, func(t *testing.T, driver, dsn string) {
				clock := &turnedClock{Clock: pipeline.SystemClock}
				clock.set(wrong)
				c := openWith(t, OpenOptions{Driver: driver, DSN: dsn, Clock: clock})
				t.Cleanup(c.close)
				ready(t, c.Catalogue)
				lost := eventFile(1, eventNo(0, 0))
				put(t, c, lost)
				lost.State = media.StateLost
				put(t, c, lost)
				require.NoError(t, c.Flush(t.Context()))
				clock.set(now)
				for _, later := range []time.Duration{0, 59 * time.Minute} {
					clock.set(now.Add(later))
					kept, err := c.Upkeep(t.Context(), UpkeepOptions{KeepEvents: time.Hour, KeepLost: time.Hour})
					require.NoError(t, err)
					require.Zero(t, kept)
					require.Equal(t, now.UnixNano(), theEvent(t, c, "a").GoneUTC)
				}
				clock.set(now.Add(2 * time.Hour))
				kept, err := c.Upkeep(t.Context(), UpkeepOptions{KeepEvents: time.Hour, KeepLost: time.Hour})
				require.NoError(t, err)
				require.Equal(t, 1, kept.Events)
				if wrong.Before(now) {
					require.Equal(t, 1, kept.Lost)
				}
			})
		})
	}
}
