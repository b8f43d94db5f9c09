// Package egress is reserved for live outputs: servers that send a stream of package hub
// to clients while it is being recorded. Package api plays recorded files.
//
// Each output is a package below this one, as each protocol of package ingest is:
//
//	rtsp/   PLAY: a client reads a stream over RTSP
//	whep/   a browser reads a stream over WebRTC
//	hls/    segments and playlists of a live stream, also of low latency
//	fmp4/   one endless fragmented MP4 over HTTP
//
// None of them exists yet. The code that several of them share will be in this package.
//
// An output subscribes to a stream (hub.Subscription). So it never slows down the
// publisher or a recording. Media that it cannot send in time is dropped, and counted
// under a cause of media.DropCauses.
//
// It imports the packages of pipeline and the hub, and no package of ingest, sinks or
// api. An interface in this package decides which clients may read; the server passes in
// an implementation, and the HTTP connections. A test of package main checks the imports.
package egress
