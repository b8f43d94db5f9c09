package cmaf

import "time"

// Limits holds the longest durations of the parts and segments of a packager, which playlists announce.
type Limits struct{ PartNS, SegmentNS int64 }

// Limits returns the limits, which never change afterwards: see RFC 8216bis, 6.2.1. They follow from the media so far, with room
// for key frames and pictures that come later than before. A picture that lasts longer than a part may has a longer part.
func (u *Use) Limits() Limits {
	w := &u.Packager.window
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.fixed {
		w.fixed, w.bounds = true, w.measure()
	}
	return w.bounds
}

// limits returns the present limits.
func (w *window) limits() Limits {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.bounds
}

// measure returns limits for a stream like that in the window: whole seconds for segments, hundredths for parts. The caller holds
// w.mu.
func (w *window) measure() Limits {
	l := w.bounds
	var longest, open, part int64 // longest complete segment, the open one, the longest part
	for _, s := range w.past.list {
		longest = max(longest, s.DurationNS)
	}
	for _, p := range w.parts {
		if p.First {
			longest, open = max(longest, open), 0
		}
		open += p.DurationNS
		part = max(part, p.DurationNS)
	}
	if part > l.PartNS {
		l.PartNS = roundUp(part*5/4, 10*time.Millisecond)
	}
	if longest > 0 {
		l.SegmentNS = min(l.SegmentNS, roundUp(longest, time.Second)+int64(time.Second))
	}
	l.SegmentNS = max(l.SegmentNS, roundUp(max(open, l.PartNS)+l.PartNS, time.Second))
	return l
}

func roundUp(ns int64, to time.Duration) int64 { return (ns + int64(to) - 1) / int64(to) * int64(to) }
