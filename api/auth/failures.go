package auth

import (
	"log/slog"
	"sync/atomic"
)

// Reason is why a sign-in failed.
type Reason string

// The reasons. There are no others, so that a metric by reason is bounded.
const (
	WrongPassword Reason = "wrong_password"
	UnknownName   Reason = "unknown_name"
	WrongToken    Reason = "wrong_token"
	Malformed     Reason = "malformed" // credentials that nothing here can read
	Throttled     Reason = "throttled" // after too many failures: a password unread, a response to a challenge late
)

var reasons = []Reason{WrongPassword, UnknownName, WrongToken, Malformed, Throttled}

// Failures counts the sign-ins that failed at one server, and logs them. Nil does
// neither. It is safe for use from many goroutines.
type Failures struct {
	log    *slog.Logger
	counts [5]atomic.Uint64 // by the place of reasons
}

// NewFailures logs to a log that bounds its own lines, since any client can cause them;
// to none where that is nil.
func NewFailures(log *slog.Logger) *Failures { return &Failures{log: log} }

// Count counts a failure. The name is logged only where it is one that is known: people
// type passwords into the field above.
func (f *Failures) Count(reason Reason, remote, knownName string) {
	if f == nil {
		return
	}
	for i, r := range reasons {
		if r == reason {
			f.counts[i].Add(1)
		}
	}
	if f.log == nil {
		return
	}
	attrs := []any{"reason", string(reason), "remote", remote}
	if knownName != "" {
		attrs = append(attrs, "user", knownName)
	}
	f.log.Warn("sign-in failed", attrs...)
}

// Each calls see for each reason.
func (f *Failures) Each(see func(Reason, uint64)) {
	for i, r := range reasons {
		see(r, f.counts[i].Load())
	}
}
