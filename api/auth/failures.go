package auth

import (
	"log/slog"
	"sync/atomic"
)

// Reason is the reason of a failed sign-in.
type Reason string

// The reasons of a failed sign-in. There are no others, so that a metric by reason has a bounded
// number of series.
const (
	WrongPassword Reason = "wrong_password"
	UnknownName   Reason = "unknown_name"
	WrongToken    Reason = "wrong_token"
	Malformed     Reason = "malformed" // the credentials have no known form
	Throttled     Reason = "throttled" // after too many failures: not checked, or wrong and answered late
)

var reasons = []Reason{WrongPassword, UnknownName, WrongToken, Malformed, Throttled}

// Failures counts and logs the failed sign-ins at one server. A nil *Failures does neither. It is safe
// for concurrent use.
type Failures struct {
	log    *slog.Logger
	counts [5]atomic.Uint64 // number of failures by the index of the reason in reasons
}

// NewFailures returns a Failures that logs to log; if log is nil, it only counts. log must limit
// the number of its lines, because any client can cause them.
func NewFailures(log *slog.Logger) *Failures { return &Failures{log: log} }

// Count counts and logs a failed sign-in. remote is the client's address. knownName is the name of the
// user, empty if no user has the name that the client sent: it may be a password that a person typed
// into the wrong field, and must not be logged.
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

// Each calls see for each reason with the number of failures so far.
func (f *Failures) Each(see func(Reason, uint64)) {
	for i, r := range reasons {
		see(r, f.counts[i].Load())
	}
}
