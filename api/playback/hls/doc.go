// Package hls makes playlists of recordings for HTTP Live Streaming (RFC 8216bis): a span of a
// stream's time as a master playlist, a media playlist and a playlist of its key frames.
//
// # Segments
//
// A file of spool keeps the fragments as they were written, also after it is finished: package
// sinks/mp4 draws it. A media segment is therefore a range of bytes of the file, and no media is
// made:
//
//	... (prft moof mdat) (prft moof mdat) (prft moof mdat) ...
//	   ^ end of the chunk before          ^ end of the segment's last chunk
//
// Map reads where the chunks of a file begin: once for each recording, from its sample index and
// a few box headers. A chunk takes 72 bytes of memory, some 5 MB for a day. Plan.Segments groups
// the chunks of a span: whole GOPs of about Options.SegmentNS.
//
// The initialisation segment (EXT-X-MAP) is the moov that the file had while it grew, behind an
// ftyp: WriteInit. Its edit list keeps pictures and sound together.
//
// A file without fragments has segments that are made of its samples: MapMade divides it, and package movie makes the moof of each
// request, whose mdat is read from the file. The numbers of the samples are in the segment's name, so that it has the same bytes in
// each playlist.
//
// # Time
//
// The media of each file begins at time 0: each file begins with EXT-X-DISCONTINUITY and
// EXT-X-PROGRAM-DATE-TIME. A frame belongs to a span if start <= its presentation time < end on
// the wall clock. The first segment begins at the key frame at or before start, and EXT-X-START
// gives the exact start. The last segment ends with the chunk that has the last frame of the span.
//
// # A span that is not over
//
// The playlist of a span that is not over is of the type EVENT: it only grows, until it gets
// EXT-X-ENDLIST. Of a growing file it has only the segments that later chunks do not change.
package hls
