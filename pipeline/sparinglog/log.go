// Package sparinglog is a log for what any client can cause: it bounds its lines.
package sparinglog

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// LinesAMinute is how much strangers may cause to be logged.
const LinesAMinute = 60

// began is the moment from which minutes are counted: no wall clock moves it.
var began = time.Now()

// handler leaves lines out. All that come from one of them share its quota.
type handler struct {
	slog.Handler
	quota *quota
}

type quota struct {
	mu     sync.Mutex    // guards what follows
	minute time.Duration // its beginning, since began
	logged int           // in it
	left   uint64        // out since the last that was logged
}

// New returns a log that hands LinesAMinute on. Of lines beyond that the next one which
// is logged says how many there were: not_logged_before.
func New(log *slog.Logger) *slog.Logger { return slog.New(handler{log.Handler(), &quota{}}) }

// Handle logs a line if there is room for it.
func (s handler) Handle(ctx context.Context, r slog.Record) error {
	left, room := s.quota.take(time.Since(began))
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
	if l.logged >= LinesAMinute {
		l.left++
		return 0, false
	}
	l.logged++
	left, l.left = l.left, 0
	return left, true
}

func (s handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	return handler{s.Handler.WithAttrs(attrs), s.quota}
}

func (s handler) WithGroup(name string) slog.Handler {
	return handler{s.Handler.WithGroup(name), s.quota}
}
