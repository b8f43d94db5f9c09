// Package index keeps the sample tables of one recording as a small file that can be read
// in parts: where each access unit lies in the recording's file, how long it is, when it
// is decoded and shown, and whether decoding can begin there. A program that cuts, plays or
// moves a part of a recording reads it in place of the moov, or of all the fragments.
//
//	header      64 bytes: what file it is of, how many tracks, how long the index is
//	tracks      64 bytes for each
//	CRC32C      of all before it
//	directory   40 bytes for each block of each track: first DTS, first byte, place,
//	            length, CRC32C of the block, the sync sample before it, CRC32C of the entry
//	blocks      256 samples each: columns of durations, composition offsets, sizes, sync
//	            samples and stretches of the file
//
// All numbers are little endian. Entries have one length and blocks one number of
// samples, so sample n is in block n/256, and a time is found by bisection: a span is
// read with some 40 bytes for each halving and the blocks that it lies in, and nothing
// else. Every byte is under a checksum. Those of the directory begin with the
// recording's ID, the track and the block's number, so that an entry of another
// recording, or of another place, is no entry.
//
// Times are the movie's: DTS plus the composition offset is when a sample is shown, in
// ticks of its track from the movie's zero. The edit list is in them already.
//
// A column is written in the shortest of three ways: as runs of equal values, as what
// each value is above the least one, or as half bytes that lead to at most 16 values.
// In bytes an access unit, all included, that is, with chunks of one second:
//
//	H.264 at 30/s, B frames, AAC at 48 kHz                1.9
//	H.264 at a variable rate (±10 ms), B frames, AAC      2.7
//	all-intra, AAC                                        2.1
//	five minutes of x264 with B frames at 25/s, and AAC   1.9
//	at most, whatever the samples say                     31, and 130 a track, and 68
//
// TestBytesAnAccessUnit and TestAnIndexIsNeverLongerThanItsBound measure and hold them.
// The same tables of a moov take 8 to 20. A second of four hours is read with less than 5 KiB
// in some 40 reads.
//
// An index is made by an Encoder in one pass without an allocation per sample, and is
// read by Open. What it is of is said by a Source, length and time of change of the file
// among it: one that does not match the file is of an older one, and is to be made again,
// as one that is ErrDamaged.
package index
