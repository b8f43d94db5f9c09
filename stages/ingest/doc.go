// Package ingest turns the access units of one publication, as a protocol delivers them, into those of package
// media, and writes them to the hub.
//
//	a protocol -> Unit -> Track -> Feed -> media.AU -> hub.Publisher
//	                      | pictures: separated by the standard's rule; two fields form one picture
//	                      | times: an outlier is placed between its neighbours (outliers)
//	                      | times: pictures of one time are spread up to the next time (spread)
//	                      | parameter sets: removed from the stream and compared; a real change begins a file
//	                      | decoding times: derived from presentation times (decoding_times.go)
//	                               | one time line for all tracks (placement)
//	                               | UTC by the wall clock (wall_clock.go)
//
// The packages of the protocols make the units. Package rtp makes them from RTP packets, for every protocol over RTP.
// A protocol imports this package; this package imports no protocol.
//
// # Where a decoder can start
//
// H.264: at an IDR picture (ITU-T H.264, 7.4.1.2.4), and at a picture with a recovery point SEI whose
// recovery_frame_cnt is 0, as the key picture of an open GOP has. A stream with gradual intra refresh has no such
// picture after its beginning, so no file could begin, and no reader could join, later in the stream. Therefore every
// recovery point counts as a sync sample while no IDR picture has come, and again when the newest IDR picture is more
// than ten seconds old. A file that begins there shows damage until the refresh is complete; the file before it
// contains the same pictures undamaged.
//
// H.265: at every IRAP picture (ITU-T H.265, 3.69). The RASL pictures after a CRA or BLA picture are kept wherever
// the stream is cut or joined. A decoder that starts there skips them (8.1.3, NoRaslOutputFlag), and a decoder that
// continues from the previous file needs them.
//
// # NAL units that are not recorded
//
// A NAL unit of an undefined type, with a header that contradicts the standard, or of an enhancement layer (SVC,
// MVC, nuh_layer_id > 0) is left out and counted as a repair. Its picture is kept, unless the NAL unit is a slice of
// that picture which the network marked as damaged. Only whole pictures enter a file: an incomplete picture is left
// out and counted as damaged. StallDetector reports a track of which no unit can be kept.
//
// # Bounds
//
// A publisher must not be able to exhaust the memory. An access unit is bounded in NAL units, bytes and age. The
// units of one feed, and of all feeds together, are bounded in memory (memory.go), including the data that a
// protocol holds back (Feed.Grow). A unit that exceeds a bound is left out and counted under the cause of that bound,
// and the first such unit of a track is logged for each bound. The next access unit is accepted.
//
// # Codecs
//
// Package codec decides the type of a NAL unit, whether two parameter sets are equal, and whether a decoder can
// start at a frame. Each protocol unpacks its packets itself.
package ingest
