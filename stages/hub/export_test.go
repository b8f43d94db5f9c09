package hub

import "time"

// LookForSilence looks as WatchSilence does, once.
func LookForSilence(h *Hub, now time.Time) { h.lookForSilence(now) }
