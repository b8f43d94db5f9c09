package retention

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"
)

// settleAfter is the least time between two calls of stopLowest that stop recordings. A stopped
// recording needs some time to finish its file, and there may be room enough after that.
const settleAfter = 5 * time.Second

// stopLowest stops one recording for each rule of short whose limit is exceeded now, unless it
// stopped one less than settleAfter ago. It stops the rule's stream; if the rule has none, the
// recorded stream with the lowest priority, and among equals the one with the most footage. It
// returns the joined errors of Recordings.Stop.
func (k *Keeper) stopLowest(ctx context.Context, short []shortage, now time.Time) error {
	if now.Sub(k.stoppedAt) < settleAfter {
		return nil
	}
	var errs []error
	for _, s := range short {
		if !s.over || now.Before(k.restUntil) {
			continue
		}
		stream, ok := k.victim(s.rule)
		if !ok {
			continue
		}
		k.stopped[stream], k.stoppedAt = stoppedBy{now, s.rule}, now
		k.counts.stops.Add(1)
		k.deps.Log.Error("recording stopped: there is no room, and nothing that may be deleted; unprotect or delete footage, or "+s.rule.remedy(),
			"stream", stream, "limit", s.cause, "missing_bytes", s.missing, "kept", k.keeps(stream))
		errs = append(errs, k.deps.Recordings.Stop(ctx, stream))
	}
	return errors.Join(errs...)
}

// remedy returns the change of the rule's setting that gives room, such as "raise max_bytes".
func (r rule) remedy() string {
	if r.cause == "min_free_bytes" {
		return "lower min_free_bytes"
	}
	return "raise " + r.cause
}

// victim returns the stream whose recording stopLowest must stop for a rule: the rule's own stream, or
// for a rule of all streams the one that the comment of stopLowest describes. It returns false if the
// rule's stream is not being recorded, or if no stream is being recorded.
func (k *Keeper) victim(r rule) (string, bool) {
	recording := k.deps.Recordings.Recording()
	if r.stream != "" {
		return r.stream, slices.Contains(recording, r.stream)
	}
	if len(recording) == 0 {
		return "", false
	}
	return slices.MinFunc(recording, func(a, b string) int {
		return cmp.Or(cmp.Compare(k.policy.priority(a), k.policy.priority(b)),
			-cmp.Compare(k.totals.byStream[a], k.totals.byStream[b]), cmp.Compare(a, b))
	}), true
}

// keeps returns the number of files of a stream that must stay, by reason.
func (k *Keeper) keeps(stream string) map[string]int {
	out := map[string]int{}
	for _, it := range k.index.items {
		if c := k.policy.class(it, k.clock.Best); it.Stream == stream && !goes(c) {
			out[string(c)]++
		}
	}
	return out
}

// resumeAfter is the least time for which a recording stays stopped.
const resumeAfter = 10 * time.Second

// resume starts each stopped recording again once the limit for which it was stopped leaves room
// again, a file can be created, and resumeAfter has passed.
func (k *Keeper) resume(now time.Time) {
	if len(k.stopped) == 0 {
		return
	}
	space, err := k.deps.Disk(k.deps.Dir)
	if err != nil || k.deps.Writable != nil && !k.deps.Writable() {
		return
	}
	// The disk must be half a margin below its limit: after a deletion it is a whole margin below.
	passed := append(k.policy.byteRules(k.totals, totals{}), k.policy.diskRules(space, margin(space.UsableBytes)/2)...)
	for stream, by := range k.stopped {
		held := slices.ContainsFunc(passed, func(r rule) bool { return r.stream == by.rule.stream && r.cause == by.rule.cause })
		if held || now.Sub(by.Since) < resumeAfter {
			continue
		}
		delete(k.stopped, stream)
		if err := k.deps.Recordings.Start(stream); err != nil {
			k.deps.Log.Error("a recording that was stopped for lack of room failed to start again", "stream", stream, "error", err)
			continue
		}
		k.deps.Log.Warn("there is room again: recording goes on", "stream", stream)
	}
}
