// Package ingest is what the protocols share: it turns the access units of one
// publication, as a protocol delivers them, into those of package media.
//
//	a protocol -> Unit -> Track -> Feed -> media.AU -> hub.Publisher
//	                      | pictures: told apart by the standard's rule, two fields are one
//	                      | times: what is out of line is placed between its neighbours (outliers)
//	                      | times: pictures that share one are placed up to the next (spread)
//	                      | parameter sets: taken out of the stream, compared, a real change cuts
//	                      | decoding times: derived from presentation times (decoding_times.go)
//	                               | one time line for all tracks (placement)
//	                               | wall clock
//
// Units are made by the protocols: of RTP packets by package rtp, which RTSP and WebRTC
// share. It imports this package, as each protocol does, and not the other way round.
//
// # Where a decoder can start
//
// H.264: an IDR picture (ITU-T H.264, 7.4.1.2.4), and a picture with a recovery
// point SEI whose recovery_frame_cnt is 0, which is the key picture of an open
// GOP. A stream of gradual intra refresh has neither after its beginning; its
// recovery points count as sync once no IDR has been seen for ten seconds, since
// such a stream could otherwise not be cut or joined at all: what is cut there
// shows damage until the refresh is complete, and the file before it holds the
// same pictures whole.
//
// H.265: every IRAP picture (ITU-T H.265, 3.69). The RASL pictures after a CRA or
// BLA are kept, wherever the stream is joined or cut: a decoder that starts there
// leaves them out by itself (8.1.3, NoRaslOutputFlag), and one that plays on from
// the file before needs them.
//
// # What is no picture
//
// NAL units of a type without a meaning, with a header that contradicts the
// standard, or of an enhancement layer (SVC, MVC, nuh_layer_id > 0) are left out
// and counted as repairs: the picture that they came with is kept. Slices come
// into a file only as whole pictures; where something is missing, what is there is
// counted as damaged. A publisher of which nothing can be kept is said (Vigil).
//
// # What is bounded
//
// A publisher can't be trusted with memory. An access unit is bounded in NAL units,
// bytes and age, and what a feed holds, and all feeds together, in what it takes
// (memory.go); what a protocol holds back is counted with it (Feed.Grow).
// What passes a bound is left out under a cause of its own, and said once in the log;
// the next access unit is taken.
//
// # Codecs
//
// What a NAL unit is, which parameter sets are the same and whether a decoder can start
// at a frame, package codec says. How a protocol packs them is the protocol's.
package ingest
