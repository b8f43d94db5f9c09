// Package egress serves live streams to clients while they are recorded. Package api plays recorded files.
//
//	hub stream --live.Unit--> an output --> clients
//
// Each output is a package below this one, as each protocol is a package below stages/ingest:
//
//	cmaf/   parts of fragmented MP4 that all clients of a stream share, for fmp4 and hls
//	fmp4/   one endless fragmented MP4 over HTTP
//	hls/    playlists and segments of a live stream, with low latency
//	rtp/    RTP packets of access units
//	rtsp/   plays to the clients of an RTSP server: that is package stages/ingest/rtsp, whose port does both
//
// This package has the parts that several outputs share: the stage live, by whose settings a Gate admits clients to a stream, and
// Readers, by which the outputs over HTTP open streams, and which bounds, counts and lists their clients.
//
// An output reads access units in place, as soon as they arrive (package pipeline/media/live). It neither slows down the
// publisher nor a recording. A client that reads too slowly continues at a key frame, and what it has missed is counted.
//
// An output imports the packages of pipeline and the hub, and no package of ingest, sinks or api. The server decides which
// clients may read a stream, and passes in the HTTP connections. A test of package main checks the imports.
package egress
