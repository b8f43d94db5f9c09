// Package timeline describes a span of a stream's wall clock, for a client that draws it: where
// there is footage, what is missing and why, which events it has, and how much the pictures change.
//
//	rows of the catalogue  -> spans (package coverage), gaps, events
//	sample indexes         -> activity: the coded bytes in each interval
//
// No media is read. Of a finished recording the sample index is read, some 2 bytes for each access
// unit, and of a growing one its moofs, which also tell the end of its last whole chunk. Activity
// counts each moment once, however many pipelines have recorded it: that of the recordings that
// playback plays (clip.Select).
//
// The memory for an answer is bounded by the constants of this package: rows, events, gaps,
// intervals. Where a bound cuts the answer, it is the older part that is missing, and the answer
// says from when on it is complete.
package timeline
