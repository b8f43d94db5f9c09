// Package live shares the access units of one stream with any number of readers, as soon as each unit has arrived.
//
//	media.Builder --Unit--> Ring --Unit--> Reader (one a client, or one a packager that serves many clients)
//	  the open chunk        pages of units behind a watermark; a window of chunks that holds their bytes
//
// A unit's bytes lie in the chunk that the builder still fills, and a reader reads them there: nothing is copied.
// The list of units only grows. A unit is written before the watermark of its page passes it, and never changes
// afterwards, so readers take no lock for each unit. A reader takes the ring's lock once a chunk, to hold the chunk.
//
// The ring holds the newest GOP, and what Ring.Keep demands before it. A reader that falls out of this window, or
// further behind than Options.MaxLagNS, continues at the newest key frame and learns how many units it has missed.
// Neither the publisher, nor a recording, nor another reader waits for it.
package live
