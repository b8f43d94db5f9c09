package retention

import (
	"slices"
	"time"

	"github.com/gospool/spool/pipeline"
)

// Stop describes a stream whose recording retention has stopped.
type Stop struct {
	Since  time.Time
	Remedy string // the change of the configuration that would give room, such as "lower min_free_bytes"
}

// Stopped returns the streams whose recording retention has stopped, by path, as of the last look
// (call of MakeRoom). The caller must not change the map. Stopped does not wait for a look that is
// under way.
func (k *Keeper) Stopped() map[string]Stop {
	if shown := k.shownStopped.Load(); shown != nil {
		return *shown
	}
	return nil
}

// LastError returns the error text of the last look (call of MakeRoom), or an empty string if that
// look succeeded. A look that fails because its context has ended leaves the earlier text. LastError
// does not wait for a look that is under way.
func (k *Keeper) LastError() string {
	if text := k.shownError.Load(); text != nil {
		return *text
	}
	return ""
}

// Problems returns a problem for a mass expiry whose deletion is held (see the package comment), and
// one for each min_free_bytes that is larger than the disk, as of the last look (call of MakeRoom).
// The caller owns the slice. Problems does not wait for a look that is under way.
func (k *Keeper) Problems() []pipeline.Problem {
	if shown := k.shownProblems.Load(); shown != nil {
		return slices.Clone(*shown)
	}
	return nil
}

// publish stores copies of k.stopped and of the keeper's problems, which Stopped and Problems return
// without locking k.mu. MakeRoom calls it at its end.
func (k *Keeper) publish() {
	problems := slices.Clone(k.tooLarge)
	if p := expiryProblem(k.held); p != nil {
		problems = append(problems, *p)
	}
	k.shownProblems.Store(&problems)
	out := map[string]Stop{}
	for stream, by := range k.stopped {
		out[stream] = Stop{by.Since, by.rule.remedy()}
	}
	k.shownStopped.Store(&out)
}
