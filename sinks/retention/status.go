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
// The caller must not change the map. Stopped waits for no look.
func (k *Keeper) Stopped() map[string]Stop {
	if shown := k.shownStopped.Load(); shown != nil {
		return *shown
	}
	return nil
}

// LastError returns the text of the last look's error, or an empty string. It waits for no look.
func (k *Keeper) LastError() string {
	if text := k.shownError.Load(); text != nil {
		return *text
	}
	return ""
}

// Problems returns a problem for a mass expiry that is held, and one for each min_free_bytes that
// is larger than the disk, as of the last look. The caller owns the slice. Problems waits for no
// look.
func (k *Keeper) Problems() []pipeline.Problem {
	if shown := k.shownProblems.Load(); shown != nil {
		return slices.Clone(*shown)
	}
	return nil
}

// publish stores the results of a look that Stopped and Problems return.
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
