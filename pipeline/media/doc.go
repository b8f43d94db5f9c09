// Package media is what flows through a recording pipeline: coded audio and
// video as columns.
//
//	publisher --AU--> Builder --*Chunk--> gop_ring --*Chunk--> segmenter --Part--> mp4 --Recording--> metadata
//
// A Chunk holds up to a flush interval of access units of every track, of GOPs that
// are shorter as many as fit, and can be cut at each (Chunk.Split). Each track is a
// set of columns (DTS, composition offset, size, flags) beside a payload that is
// already in the form of an mdat, in blocks of memory that the collector does not
// know, so that a file write is writev(moof, payload...). No column holds a pointer:
// there is nothing to scan, and one access unit costs no allocation.
//
// Time is integer ticks of the track's timescale. Wall clock is kept beside it
// as nanoseconds of UTC and never enters arithmetic on media time. Where the wall
// clock is set, the next GOP is dated by the new time and a new file begins with it;
// how much the clock was set by is known of each chunk (Chunk.SteppedNS), so that what
// lies between two times of that clock is never mistaken for media.
//
// The package uses the standard library only and starts no goroutine.
package media
