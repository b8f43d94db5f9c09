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

// Stopped returns the streams whose recording retention has stopped, by path, as of the last look.
// The caller must not change the map. Stopped does not block.
func (k *Keeper) Stopped() map[string]Stop {
	if shown := k.shownStopped.Load(); shown != nil {
		return *shown
	}
	return nil
}

// LastError returns the error of the last look, or an empty string. It does not block.
func (k *Keeper) LastError() string {
	if text := k.shownError.Load(); text != nil {
		return *text
	}
	return ""
}

// Problems returns a problem for a mass expiry that is held, and one for each min_free_bytes that
// the disk is too small for, as of the last look. The caller owns the slice. It does not block.
func (k *Keeper) Problems() []pipeline.Problem {
	if shown := k.shownProblems.Load(); shown != nil {
		return slices.Clone(*shown)
	}
	return nil
}

// publish stores the results of a look for Stopped and Problems.
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
