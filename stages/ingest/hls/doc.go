// Package hls publishes the streams of HLS playlists (RFC 8216, and 8216bis for low latency).
//
//	playlist -> variant -> renditions: that of the pictures, and that of the sound if it is apart
//	            rendition -> piece: a segment or a part -> form -> unit
//	                         | fetched, again if it fails; decrypted
//	                                                       | MPEG-TS (package mpegts), fragmented MP4, packed sound
//	                                                               -> line -> hub.Publisher
//	                                                                  | one timeline of all renditions and periods
//
// A Source opens the resources that playlists name, by references that are relative to them: package httppull has that of HTTP. One
// goroutine reads all renditions, each only as far as its next unit, and writes the unit that is decoded first. So the
// memory is bounded by a fragment of each rendition, or by some packets of a transport stream.
//
// # Pace
//
// Segments arrive in bursts. The units are written at the pace of their times, and their arrival is when they are due. A
// playlist that has ended is read from its beginning, and any other from three target durations before its end (6.3.3).
// Media that is late moves the media behind it. If the playlist gets much longer than needed, because its clock is faster or the
// server was away, media is written at twice the pace: else further segments would leave the playlist unread.
//
// # Periods
//
// A discontinuity, or a jump of the times without one, ends a period. The first units of the next period are placed directly
// behind the last ones, all tracks by the same shift, so that they stay in sync. A segment that is missing leaves a hole as
// long as the times say, or the playlist where the period ends.
//
// # The parser of playlists
//
// The package has a parser of its own. That of gohlslib refuses or misreads playlists that are common: it keeps one
// EXT-X-MAP for a playlist, though it may change; it needs a segment, which a new playlist of low latency does not have; and it
// refuses media sequence numbers of more than 31 bits, and a playlist with a date that it cannot read.
package hls
