// Package rtmp takes streams in over RTMP and RTMPS, as OBS, ffmpeg, drones and many cameras send them, and pulls rtmp and
// rtmps URLs.
//
//	server: connection --> wire: handshake, chunks, commands --> publication --> ingest.Feed
//	puller: source ----------^                                    | flv: messages -> packets of tracks
//	                                                              | forms (codecs.go): packets -> units
//	                                                              | clock.go: times of messages -> ticks
//
// # Tracks
//
// RTMP does not announce the tracks of a stream. A publication holds its first messages back until it knows the tracks:
// until sound and pictures have come, or what the metadata of the sender announces, or for a second. A track that comes
// later, or changes its codec, begins a new description of the stream, and so a file.
//
// # Times
//
// A message has a time in ms, of its decoding, on one clock for all tracks. Pictures keep these times. Frames of sound
// follow each other by their duration in samples as long as that agrees with their times to a millisecond: so the rounding
// of the times makes no holes in the sound, and sound and pictures do not drift apart.
package rtmp
