package auth

import (
	"log/slog"
	"sync/atomic"
)

// Reason is the reason of a failed sign-in.
type Reason string

// The reasons are a closed set, so that a metric by reason is bounded.
const (
	WrongPassword Reason = "wrong_password"
	UnknownName   Reason = "unknown_name"
	WrongToken    Reason = "wrong_token"
	Malformed     Reason = "malformed" // credentials in no known form
	Throttled     Reason = "throttled" // after too many failures: a password unchecked, a response to a challenge delayed
)

var reasons = []Reason{WrongPassword, UnknownName, WrongToken, Malformed, Throttled}

// Failures counts and logs the failed sign-ins of one server. A nil *Failures does neither. It is
// safe for concurrent use.
type Failures struct {
	log    *slog.Logger
	counts [5]atomic.Uint64 // by index in reasons
}

// NewFailures logs to log, which may be nil. The log must bound its lines, because any client can
// cause them.
func NewFailures(log *slog.Logger) *Failures { return &Failures{log: log} }

// Count counts a failure. knownName must be empty for an unknown name, so that a password typed
// into the wrong field is not logged.
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

// Each calls see with each reason and its count.
func (f *Failures) Each(see func(Reason, uint64)) {
	for i, r := range reasons {
		see(r, f.counts[i].Load())
	}
}
