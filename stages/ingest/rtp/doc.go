// Package rtp makes units of a feed (package ingest) from RTP packets (RFC 3550), for every protocol that carries
// media in RTP: RTSP and WebRTC.
//
//	packets -> Track -> ingest.Unit -> ingest.Track
//	           | sender: packets of another SSRC are left out; a successor is accepted
//	           | datagrams: restored to the order in which they were sent
//	           | times: unwrapped from 32 bits; for sound, the clock that the sender really uses
//	           | depacketizer: NAL units or frames from payloads
//	           | decoding order: NAL units that were sent in another order (DON)
//
// A Track belongs to the goroutine of its feed. It keeps no reference to a packet, allocates no memory per packet in
// the usual case, and counts and marks missing data: every loss has a cause of media.DropCauses.
//
// The layout of a session description and the transport of packets are the protocol's own. A Format reads the
// attributes of one payload type, rtpmap and fmtp, and makes a Config of them.
//
// # Codecs
//
// A codec is a row in codecs.go: its names, its clock, its parameters and its packing. A codec with NAL units has a
// depacketizer that puts them into a unit; other frames come from an AudioPayload, which is made from a format's
// parameters.
package rtp
