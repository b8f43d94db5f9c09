// Package play implements spool bench play: it measures how spool plays a span of time that many recordings hold, as one MP4 file, as
// fragments and over HLS. nginx serves real files with the same bytes, so that ratios are taken within one round:
//
//	format  spool                                   nginx
//	mp4     GET /mp4/play                           a file with the bytes of that answer
//	fmp4    GET /mp4/play?format=fmp4               a file with the bytes of that answer
//	hls     playlists, and ranges of GET /mp4/vod   the same playlists, and the same ranges of the recordings
//
//	state   process      pages of all files
//	cold    new          not in memory
//	new     new          in memory
//	warm    of new       in memory; what spool keeps of the span is kept
//
// Each server is a process of its own, whose CPU time and memory /proc tells. Before a measurement a server is idle.
package play
