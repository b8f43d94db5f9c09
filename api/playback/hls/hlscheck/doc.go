// Package hlscheck checks playlists, for tests, and the media that they refer to, against the rules of
// HTTP Live Streaming (RFC 8216bis) and of Apple's players for fragmented MP4. It fetches each playlist
// and each range that it checks over HTTP.
//
//	rules.go       the tags of a playlist, their attributes and order, and the version that they need
//	media.go       durations, ranges of bytes, wall clock, discontinuities, initialisation segments
//	fragments.go   the samples of each segment against the playlist
//	reload.go      what may change when a playlist is fetched again
package hlscheck
