// Package index reads and writes the sample index of a recording: a small file that can be read in
// parts. For each sample of each track it has the place in the recording's MP4 file, the size, the
// DTS, the duration, the composition offset, and whether it is a sync sample. A program that cuts,
// plays or moves a part of a recording reads the index instead of the moov or of all moofs.
//
//	header      64 bytes: the recording and its file (Source), number of tracks, length of the index
//	tracks      64 bytes for each track
//	CRC32C      of header and tracks
//	directory   40 bytes for each block of each track: DTS of the first sample, its place in the
//	            file, place, length and CRC32C of the block, the last sync sample before the
//	            block, CRC32C of the entry
//	blocks      256 samples each: columns of durations, composition offsets, sizes, sync
//	            samples and places
//
// All numbers are little endian. All directory entries have one length and all blocks one number
// of samples, so sample n is in block n/256, and a time is found by bisection: to read a span of
// time, a program reads some 40 bytes for each step of the bisection, and the blocks of the span.
//
// A checksum covers every byte. The checksum of a directory entry also covers the recording's ID,
// the track and the number of the block: an entry of another recording, or at another place,
// does not match.
//
// Times are those of the movie, in ticks of the track: the shift by the edit list is included. A
// sample is presented at its DTS plus its composition offset.
//
// A column is written in the shortest of three encodings: runs of equal values; the difference of
// each value to the least one; or, for at most 16 different values, 4 bits for each. The whole
// index has these bytes for each access unit, if a chunk has one second:
//
//	H.264 at 30/s, B-frames, AAC at 48 kHz                1.9
//	H.264 at a variable rate (±10 ms), B-frames, AAC      2.7
//	all-intra, AAC                                        2.1
//	five minutes of x264 with B-frames at 25/s, and AAC   1.9
//	upper limit for any samples                           31, plus 130 a track and 68 an index
//
// TestBytesAnAccessUnit and TestAnIndexIsNeverLongerThanItsBound measure these numbers. The sample
// tables of a moov have 8 to 20. To read a second of a recording of four hours takes less than
// 5 KiB in some 40 reads.
//
// An Encoder makes an index in one pass, without an allocation per sample; Open opens it. An index
// whose Source does not match the length and the modification time of the file, or for which a
// method returns ErrDamaged, must be built again.
package index
