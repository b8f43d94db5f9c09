// Package harness implements spool bench: a matrix of cases. Each case is measured several times, in turn with the
// least work that it could possibly do, so that other load on the machine affects both.
//
//	mux       access units in memory -> builder -> mp4 stage      against write(2) of the same bytes
//	pipeline  publisher -> hub -> every stage of a recording       against the same
//	finalise  the end of a long file                               bytes and time
//	repair    a long file whose recorder was killed                against reading it once
//	remux     spool remux as a process of its own                  against ffmpeg -c copy, and cp
//	live      RTSP publishers, spool as a process of its own       against a server that discards
//
// Figures are medians, with the lowest and highest beside them. The content is the built-in test pattern, filled up
// to the bitrate.
package harness
