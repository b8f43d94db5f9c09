// Package mpegts turns MPEG transport streams (ISO/IEC 13818-1, ITU-T H.222.0) into publications. A stream comes as
// datagrams, over a connection or from a file.
//
//	bytes -> synchroniser -> packet -> continuity -> tables (PAT, PMT) -> elementary streams
//	         | packets of 188 bytes, also with 4 bytes before (M2TS) or 16 after them (Reed-Solomon)
//	                          | lost packets are counted, duplicates are left out
//	                                                 | of one program: the first one with media that can be recorded
//	elementary -> PES packet -> payload -> ingest.Unit -> ingest.Feed -> hub.Publisher
//	              | times of 33 bits are extended to 64 bits
//	                            | pictures: NAL units, or one unit for each time
//	                            | sound: frames, which begin and end anywhere in PES packets
//
// # Losses
//
// Each packet has a counter of four bits (2.4.3.3). Where it leaves out numbers, packets are missing: the Demuxer
// counts them (media.DropTSLoss), and leaves out the picture or the frame of sound to which they belonged. Sound after a
// loss has no known time until the next time stamp comes: the frames between are held, and timed backwards from there.
//
// # Times
//
// All tracks of a program have times of one clock of 90 kHz. The units of pictures keep the DTS and the PTS of their PES
// packets. Time stamps of sound are those of the first frame that begins in a PES packet, rounded to 90 kHz or, by some
// senders, to milliseconds. So the times of sound count samples, and follow the time stamps only where they differ by
// more than that.
package mpegts
