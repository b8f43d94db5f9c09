// Package rtp makes units of a feed (package ingest) out of RTP packets (RFC 3550), for
// every protocol that carries media so: RTSP, and WebRTC.
//
//	packets -> Track -> ingest.Unit -> ingest.Track
//	           | sender: packets of another SSRC are left out, its successor is taken
//	           | datagrams: put back in the order in which they were sent
//	           | times: 32 bits unwrapped; of sound, the clock they really run at
//	           | depacketizer: NAL units or frames out of payloads
//	           | decoding order: NAL units that were sent in another order (DON)
//
// A Track is for the goroutine of its feed. It keeps nothing of a packet that it is
// given, allocates nothing for one in the usual case, and counts and marks what is
// missing: every loss has a cause of media.DropCauses.
//
// How a session description is laid out, and how packets arrive, is the protocol's own. What
// a description says of one payload type, its rtpmap and fmtp attributes, a Format reads,
// and makes a Config of.
//
// # Codecs
//
// A codec is a row in codecs.go: its names, its clock, what its parameters mean, and how it
// is packed. One with NAL units has a depacketizer that puts them into a unit; frames come
// out of an AudioPayload, which is made from a format's parameters.
package rtp
