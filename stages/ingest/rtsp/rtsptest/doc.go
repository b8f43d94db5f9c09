// Package rtsptest is a fake IP camera for tests: an RTSP server, based on package net, that plays a real clip in a
// loop and misbehaves as real cameras do. The path of a URL selects one misbehaviour, a quirk:
// rtsp://127.0.0.1:PORT/stale-nonce. A test compares a recording with the sent access units by Clip.Track and
// Track.Match. The package also has publishers and attackers for tests of servers.
//
// Only tests import it. Each quirk is an entry of a table: its changes to the session description, the answers or the
// packets, and the cameras that have it. The quirks_*.go files hold the entries by kind.
package rtsptest
