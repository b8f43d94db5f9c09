package retention

import (
	"slices"
	"time"

	"github.com/gospool/spool/pipeline"
)

// Stop describes a recording that retention has stopped.
type Stop struct {
	Since  time.Time
	Remedy string // how to change the limit that stopped it: lower min_free_bytes
}

// Stopped returns the streams that retention has stopped, as of the last look. It does not
// block.
func (k *Keeper) Stopped() map[string]Stop {
	if shown := k.shownStopped.Load(); shown != nil {
		return *shown
	}
	return nil
}

// LastError returns why the last look failed, or an empty string. It does not block.
func (k *Keeper) LastError() string {
	if text := k.shownError.Load(); text != nil {
		return *text
	}
	return ""
}

// Problems returns the mass expiry that waits and the limits that the disk cannot meet, as of
// the last look. It does not block.
func (k *Keeper) Problems() []pipeline.Problem {
	if shown := k.shownProblems.Load(); shown != nil {
		return slices.Clone(*shown)
	}
	return nil
}

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
