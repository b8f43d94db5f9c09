// Package rtsptest is a fake IP camera for tests: an RTSP server, based on net, that plays a real clip in a loop, in
// real time, and misbehaves as real cameras do. The path of a URL names one quirk: rtsp://127.0.0.1:PORT/stale-nonce.
// A test compares the recording with the sent units by Clip.Track and Track.Match.
//
// Only tests import it. A quirk is an entry of a table, in the file quirks_*.go of its kind: its changes of a
// description, an answer, or packets, and the cameras that have it.
package rtsptest
