// Package sparinglog bounds the number of log lines that clients can cause.
package sparinglog

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// LinesAMinute bounds the lines a minute.
const LinesAMinute = 60

// began is the monotonic zero of the minutes.
var began = time.Now()

// handler drops lines beyond the quota. Handlers derived from one share its quota.
type handler struct {
	slog.Handler
	quota *quota
}

type quota struct {
	mu     sync.Mutex    // guards what follows
	minute time.Duration // begin of the current minute, since began
	logged int           // lines in this minute
	left   uint64        // lines dropped since the last logged line
}

// New returns a logger that passes on at most LinesAMinute. The next logged line has the number of
// dropped lines in the attribute not_logged_before.
func New(log *slog.Logger) *slog.Logger { return slog.New(handler{log.Handler(), &quota{}}) }

// Handle logs a line if the quota allows it.
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
