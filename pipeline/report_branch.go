package pipeline

import "time"

// Beside adds what a branch says. What there can be one of is the first branch's
// that has it, so the order of branches matters; what is lost or wrong is all
// there, with the branch's name. The times of durability are those of the branch
// that is furthest behind.
func (r *Report) Beside(branch string, b Report) {
	switch {
	case b.Recording && !r.Recording:
		r.Recording, r.LastWritten, r.LastDurable = true, b.LastWritten, b.LastDurable
	case b.Recording:
		r.LastWritten, r.LastDurable = earliest(r.LastWritten, b.LastWritten), earliest(r.LastDurable, b.LastDurable)
	}
	if r.Waiting == "" {
		r.Waiting = b.Waiting
	}
	if r.File == "" {
		r.File, r.StartedAt, r.Bytes = b.File, b.StartedAt, b.Bytes
		r.Duration, r.Lasted = b.Duration, b.Lasted
	}
	if r.Finish.File == "" {
		r.Finish = b.Finish
	}
	r.LastAccessUnit = latest(r.LastAccessUnit, b.LastAccessUnit)
	r.Segments += b.Segments
	r.TotalBytes += b.TotalBytes
	r.AccessUnits += b.AccessUnits
	r.Gaps += b.Gaps
	r.RingBytes += b.RingBytes
	r.RingMaxBytes += b.RingMaxBytes
	r.RingSpan, r.RingChunks = max(r.RingSpan, b.RingSpan), r.RingChunks+b.RingChunks
	for _, d := range b.Drops {
		d.Stage = branch + "/" + d.Stage
		r.Drops = append(r.Drops, d)
	}
	for _, w := range b.Warnings {
		r.Warnings = append(r.Warnings, branch+": "+w)
	}
	for _, p := range b.Problems {
		p.Cause = branch + ": " + p.Cause
		r.Problems = append(r.Problems, p)
	}
	if r.LastError == "" && b.LastError != "" {
		r.LastError = branch + ": " + b.LastError
	}
}

func latest(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// earliest returns the earlier of two times; none at all is before any.
func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
