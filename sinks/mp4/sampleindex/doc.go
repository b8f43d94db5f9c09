// Package sampleindex keeps the sample index (package index) of each finished recording
// beside it:
//
//	RECORD DIRECTORY/.spool-directory
//	                 .spool-index/019350/019350c1-....     one for each recording
//
// The name is the recording's ID, and the directory is its first six digits, which are
// the time in steps of some five hours: no directory gets long. As with facts, the index
// goes when the recording's file is deleted, is not listed and is no recording. One that a
// crash left without its recording goes when the catalogue is compared with the disk.
//
// An index names the length of its file and the time of its last change. While a file has
// these, Open reads nothing of it; a file that was copied or touched is read once.
//
// An index is written when a file is finished, from what its writer holds, and by a repair
// and a recovery. It says nothing that the file does not: one that is missing, damaged, of
// another version or of an older state of the file is made again from the file's moov or
// fragments, by Open. So a failure to write one costs a recording nothing. It is
// durable all the same when Write returns: where footage moves away it stays here.
//
// An index is 1.9 to 2.7 bytes an access unit (package index), some 0.5 to 0.8 MB an hour
// of 30 pictures a second with sound. To make one of an hour takes some 10 ms of CPU and to
// write it some 5 ms, once, behind the last write to the file. The marks of the disk count
// it; max_bytes, which is about the length of recordings, does not: it is less than a
// thousandth of a stream of 2 Mbit/s.
package sampleindex
