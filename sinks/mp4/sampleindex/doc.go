// Package sampleindex stores the sample index (package index) of each finished recording:
//
//	RECORD DIRECTORY/.spool-directory
//	                 .spool-index/019350/019350c1-....     one for each recording
//
// The file's name is the recording's ID. The directory is the ID's first six digits, which are
// the time in steps of some five hours: this limits the size of the directories. As with facts,
// the index is deleted with the recording's file, and is neither listed nor a recording. The
// reconciliation of the catalogue with the disk deletes an index that a crash left without its
// recording.
//
// An index has the length and the modification time of its file. While these match, Open does
// not read the file; it reads a file that was copied or touched once.
//
// An index is written when a file is finished, from the writer's tables, and after a repair or a
// recovery. It is redundant: Open rebuilds an index that is missing, damaged, of another version
// or of an older state of the file from the file's moov or fragments. So a failure to write an
// index does not affect the recording. It is durable all the same when Write returns: it stays
// here when footage moves away.
//
// An index takes 1.9 to 2.7 bytes an access unit (package index), some 0.5 to 0.8 MB an hour of
// video at 30 frames a second with audio. Building the index of an hour takes some 10 ms of CPU
// and writing it some 5 ms, once, after the last write to the file. The marks of the disk count
// it; max_bytes, which limits the length of recordings, does not: it is less than a thousandth of
// a stream of 2 Mbit/s.
package sampleindex
