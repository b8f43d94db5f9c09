// Package harness implements spool bench: it measures the cost of recording for a matrix of cases. A case is measured
// in several rounds. Each round measures spool's work and then, for comparison, the least work with the same result,
// so that other load on the machine affects both alike. The kinds of measurement:
//
//	kind      what is measured                                     compared with
//	mux       access units in memory -> builder -> mp4 stage       write(2) of the same bytes
//	pipeline  publisher -> hub -> every stage of a recording       write(2) of the same bytes
//	finalise  finishing a long file: bytes and time                nothing
//	repair    repairing a long file whose recorder was killed      reading the file once
//	remux     the command spool remux                              ffmpeg -c copy, and cp
//	start     from the start of spool serve to its first answer    nothing
//	live      the command spool serve, under live publishers       two servers that discard the media, and others
//
// Figures are medians of the rounds, with the lowest and the highest beside them. The media is the built-in test
// pattern, filled up to the bitrate; for remux and live, video that ffmpeg has coded.
package harness
