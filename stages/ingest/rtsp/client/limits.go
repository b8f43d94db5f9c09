package client

import "time"

// DefaultTimeout is each timeout of a connection that is not given, of the server's, too.
const DefaultTimeout = 10 * time.Second

// What a server can make a client hold or wait for.
const (
	maxLine    = 4 << 10  // bytes of a header
	maxHead    = 16 << 10 // bytes of all headers of a message
	maxHeaders = 128
	maxBody    = 64 << 10 // a description is bounded further by who reads it
	maxEarly   = 4 << 20  // bytes of media that came before PLAY was answered
	maxPending = 8        // requests without an answer

	teardownTime = time.Second // for TEARDOWN and its answer
	maxKeepAlive = 30 * time.Second
	minKeepAlive = 500 * time.Millisecond

	// minAnswersOnly is the least time that answers alone, without media, keep a
	// session going: some cameras send pictures rarely, and no reports.
	minAnswersOnly = time.Minute
)
