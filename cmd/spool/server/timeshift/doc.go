// Package timeshift finds in recordings what the playlist of a live stream lists and memory no longer has: Archive implements
// cmaf.Archive by the clips of package clip.
//
// A segment is known by its samples: the sizes of a recording's samples, from a key frame near the segment's wall clock on, are those
// that the live stream had. The wall clock alone would not do, because the clock of a file that grows is only estimated. So a client
// gets the units that it would have got live, or nothing.
package timeshift
