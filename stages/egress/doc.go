// Package egress is reserved for live outputs: servers that send a stream of package hub
// to clients while it is being recorded. Package api plays recorded files.
//
// Each output will be a package below this one, as each protocol is a package below stages/ingest:
//
//	rtsp/   PLAY: a client reads a stream over RTSP
//	whep/   a browser reads a stream over WebRTC
//	hls/    segments and playlists of a live stream, also of low latency
//	fmp4/   one endless fragmented MP4 over HTTP
//
// None of these packages exists yet. Code that several of them share will be in this package.
//
// An output subscribes to a stream (hub.Subscription), so it cannot slow down the publisher or a
// recording. Media that an output cannot send in time is dropped, and counted under a cause of
// media.DropCauses.
//
// An output imports the packages of pipeline and the hub, and no package of ingest, sinks or api.
// An interface in this package will decide which clients may read a stream; the server passes in an
// implementation, and the HTTP connections. A test of package main checks the imports.
package egress
