package rtsp

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// linesAMinute is how much strangers may cause to be logged.
const linesAMinute = 60

// sparing is a log for what any client can cause. Of lines beyond linesAMinute the
// next one that is logged says how many there were.
type sparing struct {
	slog.Handler
	quota *quota
}

type quota struct {
	mu     sync.Mutex    // guards what follows
	minute time.Duration // its beginning, since steadyZero
	logged int           // in it
	left   uint64        // out since the last that was logged
}

func newSparing(log *slog.Logger) *slog.Logger {
	return slog.New(sparing{log.Handler(), &quota{}})
}

// Handle logs a line if there is room for it.
func (s sparing) Handle(ctx context.Context, r slog.Record) error {
	left, room := s.quota.take(time.Since(steadyZero))
	if !room {
		return nil
	}
	if left > 0 {
		r = r.Clone()
		r.AddAttrs(slog.Uint64("not_logged_before", left))
	}
	return s.Handler.Handle(ctx, r)
}

func (l *quota) take(now time.Duration) (left uint64, room bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now-l.minute >= time.Minute {
		l.minute, l.logged = now, 0
	}
	if l.logged >= linesAMinute {
		l.left++
		return 0, false
	}
	l.logged++
	left, l.left = l.left, 0
	return left, true
}

func (s sparing) WithAttrs(attrs []slog.Attr) slog.Handler {
	return sparing{s.Handler.WithAttrs(attrs), s.quota}
}

func (s sparing) WithGroup(name string) slog.Handler {
	return sparing{s.Handler.WithGroup(name), s.quota}
}
