// Package sparinglog bounds the rate of log lines that clients can cause.
package sparinglog

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// LinesAMinute is the largest number of lines that a logger of New passes on in a minute.
const LinesAMinute = 60

// began is the time from which the handlers measure the minutes of their quotas.
var began = time.Now()

// handler passes log lines on and drops those beyond its quota, which is LinesAMinute lines in a minute. Handlers
// that WithAttrs and WithGroup return share the quota.
type handler struct {
	slog.Handler
	quota *quota
}

type quota struct {
	mu     sync.Mutex    // guards the following fields
	minute time.Duration // begin of the current minute, as the time since began
	logged int           // number of lines in this minute
	left   uint64        // number of lines dropped since the last line that was logged
}

// New returns a logger that passes at most LinesAMinute lines in a minute to log and drops the rest. The first
// line after dropped ones has their number in the attribute not_logged_before.
func New(log *slog.Logger) *slog.Logger { return slog.New(handler{log.Handler(), &quota{}}) }

// Handle implements slog.Handler. It drops the line r if LinesAMinute lines have been passed on in the present
// minute, and counts it for the next line that is passed on.
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
