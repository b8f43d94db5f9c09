// Package ingest turns the access units of one publication, as a protocol delivers them, into those of package media.
//
//	a protocol -> Unit -> Track -> Feed -> media.AU -> hub.Publisher
//	                      | pictures: separated by the standard's rule; two fields form one picture
//	                      | times: an outlier is placed between its neighbours (outliers)
//	                      | times: pictures of one time are spread up to the next time (spread)
//	                      | parameter sets: removed from the stream and compared; a real change cuts
//	                      | decoding times: derived from presentation times (decoding_times.go)
//	                               | one time line for all tracks (placement)
//	                               | wall clock
//
// The protocols make the units. Package rtp makes them of RTP packets; RTSP and WebRTC share it. Each protocol
// imports this package; this package imports no protocol.
//
// # Where a decoder can start
//
// H.264: an IDR picture (ITU-T H.264, 7.4.1.2.4), and a picture with a recovery point SEI whose recovery_frame_cnt is
// 0, which is the key picture of an open GOP. A stream of gradual intra refresh has no such picture after its
// beginning. Its recovery points count as sync once no IDR has arrived for ten seconds, since such a stream could
// otherwise be neither cut nor joined: a file that begins at such a cut shows damage until the refresh is complete,
// and the file before it holds the same pictures whole.
//
// H.265: every IRAP picture (ITU-T H.265, 3.69). The RASL pictures after a CRA or BLA are kept wherever the stream is
// joined or cut: a decoder that starts there skips them (8.1.3, NoRaslOutputFlag), and a decoder that continues from
// the file before needs them.
//
// # NAL units that are not recorded
//
// NAL units of an undefined type, with a header that contradicts the standard, or of an enhancement layer (SVC, MVC,
// nuh_layer_id > 0) are left out and counted as repairs; the picture around them is kept. Slices enter a file only as
// whole pictures; an incomplete picture is counted as damaged. StallDetector reports a publisher of which no unit can be
// kept.
//
// # Bounds
//
// A publisher can't be trusted with memory. An access unit is bounded in NAL units, bytes and age. The units of a
// feed, and of all feeds together, are bounded in memory (memory.go), including the data that a protocol holds back
// (Feed.Grow). A unit that passes a bound is left out under a cause of its own and logged once; the next access unit
// is accepted.
//
// # Codecs
//
// Package codec decides the type of a NAL unit, which parameter sets are equal and whether a decoder can start at a
// frame. Packing is the protocol's.
package ingest
