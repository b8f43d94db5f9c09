// Package mediamtx answers the requests of MediaMTX's playback server, so that clients made for it work with this recorder:
//
//	GET /list?path=&start=&end=              -> [{"start":TIME,"duration":SECONDS,"url":URL}, ...]
//	GET /get?path=&start=&duration=&format=  -> the footage, as fragments (fmp4) or as an MP4 file (mp4)
//
// It follows the sources of MediaMTX of August 2026. README.md lists what differs.
//
// # Spans
//
// A span of the list goes on over the border of two files if the later one continues the earlier one without a loss (clip.Clip.Joined), and
// has the same tracks: MediaMTX joins the segments of one stream by their numbers. An answer of /get ends where the span ends. A growing file
// is listed up to the last frame that does not change any more (play.Player.Settled).
//
// # Bounds
//
// The list is made and sent page by page of the catalogue, so that its memory does not grow with the recordings. Two lists are made at once;
// further requests wait.
package mediamtx
