package server

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
)

// rounds is a clock that advances by rounds.
type rounds struct {
	mu  sync.Mutex
	now time.Time
	due chan time.Time
}

func (c *rounds) Now() time.Time { c.mu.Lock(); defer c.mu.Unlock(); return c.now }

func (c *rounds) After(d time.Duration) (<-chan time.Time, func()) {
	if d == askEvery {
		return c.due, func() {}
	}
	return pipeline.SystemClock.After(d)
}

// round lets askEvery pass, after the end of the previous round.
func (c *rounds) round() {
	c.mu.Lock()
	c.now = c.now.Add(askEvery)
	c.mu.Unlock()
	c.due <- c.Now()
}

// TestOnlyALastingRefusalOfADiskIsReported checks that a lasting refusal is reported only if
// the disk still refuses files: the last answer may be from before a repair.
func TestOnlyALastingRefusalOfADiskIsReported(t *testing.T) {
	for _, mended := range []bool{false, true} {
		clock := &rounds{now: time.Now(), due: make(chan time.Time)}
		tasks := pipeline.NewTasks(slog.New(slog.DiscardHandler), pipeline.SystemClock)
		told := make(chan error, 10)
		w := newWritable(tasks, clock, func(error) {}, func(_ string, err error) { told <- err })
		dir := filepath.Join(t.TempDir(), "rec")
		require.NoError(t, os.WriteFile(dir, nil, 0o600))
		dirs := []string{dir}
		stop := tasks.Go("rounds", func(ctx context.Context) error { return w.run(ctx, func() []string { return dirs }) })
		require.Eventually(t, func() bool { all := w.known(dirs); return len(all) == 1 && all[0].err != nil }, time.Minute, time.Millisecond)
		if mended {
			require.NoError(t, os.Remove(dir))
			require.NoError(t, os.Mkdir(dir, 0o750))
		}
		clock.round()
		clock.round()
		clock.round()
		stop()
		require.NoError(t, tasks.Stop(t.Context()))
		w.close()
		if mended {
			require.Empty(t, told)
		} else {
			require.Len(t, told, 1, "once")
			require.ErrorContains(t, <-told, "not a directory")
		}
	}
}
