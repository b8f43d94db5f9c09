// Package rtsptest is a fake IP camera for tests: an RTSP server, written upon net,
// that plays a real clip in a loop, in real time, and misbehaves as real cameras do.
// The path of a URL names one quirk: rtsp://127.0.0.1:PORT/stale-nonce. What was
// sent is known, so that a test compares what was recorded with it: Clip.Track and
// Track.Match.
//
// Only tests import it. A quirk is an entry of a table, in the file quirks_*.go of
// its kind: what it changes of a description, an answer, or packets, and which
// cameras do so.
package rtsptest
