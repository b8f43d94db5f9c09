// Package hls serves a live stream as low-latency HLS (RFC 8216bis): a window of segments, and the parts of the newest ones.
//
//	{stream}/index.m3u8             multivariant playlist; it names the media playlist with a session
//	{stream}/live.m3u8?session=     media playlist: parts, preload hint, blocking reload, delta updates
//	{stream}/init-{n}.m4s           tracks
//	{stream}/part-{n}.m4s           one part; a request for the next one is answered as soon as it is complete
//	{stream}/segment-{n}.m4s        one segment, also if its media has left memory and comes from a recording
//
// The numbers are those of the packager (package cmaf), which ends some seconds after the last session. A session counts as a
// client that reads, and ends when its client has requested no playlist for a while.
package hls
