// Package sampleindex stores the sample index (package index) of each finished recording:
//
//	RECORD DIRECTORY/.spool-directory
//	                 .spool-index/019350/019350c1-....     one for each recording
//
// The name of an index file is the recording's ID. Its directory is named by the ID's first six
// digits, which are a time in steps of some five hours: so no directory gets too large. An index
// is deleted with the recording's MP4 file. If a crash leaves an index without its recording, the
// reconciliation of the catalogue with the disk deletes it.
//
// An index stores the length and the modification time of its MP4 file. While these match, Open
// does not read the MP4 file. A file that was copied or touched does not match: Open builds the
// index again, once.
//
// An index is written from the writer's tables when an MP4 file is finished, and after a repair
// or a recovery. It is redundant: if it is missing, damaged, of another version or does not match
// the file, Open builds it from the file's moov or fragments. So a failure to write an index does
// not affect the recording. Write makes an index durable nevertheless: it remains here when the
// MP4 file is moved to another location.
//
// An index takes 1.9 to 2.7 bytes an access unit (package index), some 0.5 to 0.8 MB an hour of
// video at 30 frames a second with audio. Building the index of an hour takes some 10 ms of CPU
// and writing it some 5 ms, once, after the last write to the MP4 file. Retention's limits of
// free space include the indexes; max_bytes, a limit of the recordings' bytes, does not: an index
// has less than a thousandth of the bytes of a stream of 2 Mbit/s.
package sampleindex
