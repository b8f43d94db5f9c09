// Package cmaf makes fragmented MP4 (ISO/IEC 14496-12, 8.8; ISO/IEC 23000-19) of live streams for all outputs over HTTP.
//
//	hub.Reader --Unit--> Packager --Part--> window --> Client (one a connection), or playlists
//
// A stream has one Packager while it has clients: see Packagers. It makes a part about every 200 ms: a moof and the header of
// an mdat, made once for all clients, and the payload, which stays in the chunks of the stream. A part holds references to
// its chunks, and lives as long as the window or a client holds the part.
//
// A playlist may list more than lies in memory. Then a segment that leaves memory goes on as a Past, which knows its samples by their
// sizes, and an Archive finds them in a recording when a client asks. It also gives what was recorded before the packager began.
//
// The time line of a packager begins at 0, or later if something recorded precedes it, and follows the wall clock: a publisher that
// returns continues it with a hole.
// Metadata has no part in it, nor has LPCM or G.711, which no browser plays in MP4.
package cmaf
