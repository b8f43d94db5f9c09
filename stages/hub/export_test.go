package hub

import "time"

// LookForSilence makes one check of WatchSilence.
func LookForSilence(h *Hub, now time.Time) { h.lookForSilence(now) }
