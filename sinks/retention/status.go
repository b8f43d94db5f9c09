package retention

import (
	"time"

	"github.com/gospool/spool/pipeline"
)

// Stopped returns the streams that retention has stopped, and since when, as of the last look.
// It does not block.
func (k *Keeper) Stopped() map[string]time.Time {
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

// Problems returns the mass expiry that waits, as of the last look. It does not block.
func (k *Keeper) Problems() []pipeline.Problem {
	if p := k.shownProblem.Load(); p != nil {
		return []pipeline.Problem{*p}
	}
	return nil
}

func (k *Keeper) publish() {
	k.shownProblem.Store(expiryProblem(k.held))
	out := map[string]time.Time{}
	for stream, by := range k.stopped {
		out[stream] = by.Since
	}
	k.shownStopped.Store(&out)
}
