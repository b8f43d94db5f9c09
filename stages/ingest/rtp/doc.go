// Package rtp makes units of a feed (package ingest) from RTP packets (RFC 3550), for every protocol that carries
// media in RTP.
//
//	packets -> Track -> ingest.Unit -> ingest.Track
//	           | sender: packets of another SSRC are left out; a successor is accepted
//	           | datagrams: restored to the order in which they were sent
//	           | times: unwrapped from 32 bits; for sound, the clock that the sender really uses
//	           | depacketizer: NAL units or frames from payloads
//	           | decoding order: restored by decoding order numbers (DON), if NAL units are sent in another order
//
// A Track belongs to the goroutine of its feed. It keeps no reference to a packet, and usually allocates no memory
// for a packet. It counts missing data, with a cause of media.DropCauses, and marks in the units where data is
// missing.
//
// The protocol reads the session description and transports the packets. A Format reads the attributes of one
// payload type, rtpmap and fmtp, and makes a Config from them.
//
// # Codecs
//
// A codec is a row in codecs.go: its names, its clock rate, its parameters and its depacketizer. The depacketizer
// of a codec with NAL units adds them to a unit. Frames of other codecs come from an AudioPayload, which is made
// from the parameters of a format.
package rtp
