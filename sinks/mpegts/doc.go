// Package mpegts has the sink mpegts, which writes the media of a run to one MPEG transport stream. The command spool remux
// uses it.
//
//	file --*media.Chunk--> mpegts: the units of all tracks, by decoding time -> Muxer of the pipeline -> file
//
// # Times
//
// All times move by the same number of ticks of 90 kHz, so that the first unit is decoded at mpegts.Begin: a transport
// stream has no negative times. A unit is never presented before it is decoded: where an MP4 file says so, the decoding
// times of its track move back.
//
// # Changes
//
// A change of the tracks makes another PMT; the file goes on. Codecs that MPEG-TS cannot carry are an error.
package mpegts
