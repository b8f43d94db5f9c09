package client

import "time"

// DefaultTimeout is the default of every timeout of a connection, of this client as well as of package rtsp's server.
const DefaultTimeout = 10 * time.Second

// The bounds of the memory that a server can make a client use, and of the client's waits.
const (
	maxLineBytes  = 4 << 10  // of a line
	maxHeadBytes  = 16 << 10 // of all headers of a message
	maxHeaders    = 128      // of a message
	maxBodyBytes  = 64 << 10 // of the body of a message; callers bound a session description further
	maxEarlyBytes = 4 << 20  // of media that arrives before Run
	maxPending    = 8        // requests without an answer; one more removes the oldest

	teardownTime = time.Second            // for TEARDOWN and its answer
	maxKeepAlive = 30 * time.Second       // longest interval of keep-alives
	minKeepAlive = 500 * time.Millisecond // shortest interval of keep-alives

	// minAnswersOnly is the shortest time for which a session continues without media while the server answers: some
	// cameras send pictures rarely, and no reports.
	minAnswersOnly = time.Minute
)
