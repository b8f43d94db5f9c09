// Package egress is the room for what goes out live: the servers and outputs by which a
// stream of package hub leaves the recorder while it is being recorded. What stands on
// disk is played by package api, and is not of here.
//
// Each way out is a package below this one, as each way in is one below package ingest:
//
//	rtsp/   PLAY: a client reads a stream over RTSP
//	whep/   a browser reads a stream over WebRTC
//	hls/    segments and playlists of what is live, low latency too
//	fmp4/   one fragmented MP4 that does not end, over HTTP
//
// What several of them share stands here. None of them is written yet.
//
// A way out subscribes to a stream (hub.Subscription): it is a reader, which never slows
// the publisher down, nor a recording. What it cannot send in time is left out, and
// counted under a cause of media.DropCauses.
//
// It imports packages of pipeline and the hub, no package of ingest, no sink and nothing
// of api: who may read, an interface of this package asks, which the server hands in; the
// connections of HTTP are handed in, too. Package main has a test of that.
package egress
