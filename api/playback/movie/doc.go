// Package movie makes one MP4 file of the clips of a span: a virtual file, whose bytes are made when they are read.
//
//	ftyp moov{ trak{ stts ctts stsc stsz co64 stss } .. } mdat
//	           a piece of each table for each clip        a piece for each clip: bytes of its file
//
// A plan is made in two passes. The first opens each clip's recording once, and counts the entries that the
// clip adds to each table: so the size of the file and the place of each piece are known. The second pass makes the pieces that
// a reader asks for, from the sample indexes. So the memory is that of the plan, some hundred bytes for each track of a
// clip, plus 64 KiB for each reader. Counts keeps what was counted of whole recordings for later plans.
//
// # Time
//
// The movie begins with the first picture that is presented in the span. The samples that must be decoded before
// that one are in the file, and the edit list of each track hides them. Where a recording continues the previous one, so do
// the times. After a gap, all tracks of the next clip begin together: at once (gaps cut), or at its
// place by the wall clock (gaps kept). The last sample of each track before a gap lasts until the next one of its track.
//
// # Tracks
//
// The first track of a kind in one recording continues the first track of that kind in another one, and so
// for the second. A track has a sample entry for each description that its recordings have. If their timescales differ,
// the track has the first one, and the times of the others are rounded to it.
//
// # Determinism
//
// The same clips make the same bytes, and the same ETag, whether a file still grows or is finished, provided that its clip
// ends before the end of the whole chunks: see clip.Pin.
package movie
