package client

import "time"

// DefaultTimeout is the default of each timeout of a connection, also of the server's connections.
const DefaultTimeout = 10 * time.Second

// The bounds of a client's memory and waits.
const (
	maxLineBytes  = 4 << 10  // bytes of a header
	maxHeadBytes  = 16 << 10 // bytes of all headers of a message
	maxHeaders    = 128
	maxBodyBytes  = 64 << 10 // the caller bounds a description further
	maxEarlyBytes = 4 << 20  // bytes of media that arrived before the answer to PLAY
	maxPending    = 8        // requests without an answer

	teardownTime = time.Second // for TEARDOWN and its answer
	maxKeepAlive = 30 * time.Second
	minKeepAlive = 500 * time.Millisecond

	// minAnswersOnly is the least time for which answers alone, without media, keep a session alive: some cameras
	// send pictures rarely, and no reports.
	minAnswersOnly = time.Minute
)
