// Package webrtc takes streams in from browsers and encoders by WHIP (RFC 9725), and plays streams by WHEP
// (draft-ietf-wish-whep).
//
//	POST an offer --> offer: sections and formats --> peer: ICE, DTLS and SRTP, by package pion/webrtc
//	                                                  | publication: RTP packets -> rtp.Track -> ingest.Feed
//	                                                  | reading: hub.Reader -> play.Player -> RTP packets
//	PATCH, DELETE --> peer
//
// The HTTP server of the program receives the requests, authenticates the clients, and passes the requests to the methods
// Offer, Change and End of Server. Media of all clients comes and goes at one UDP port and the TCP port with the same number.
//
// The server is an ICE-lite agent (RFC 8445, 2.5): it only answers connectivity checks. So a session description cannot make
// it send anything to an address of which it has received no valid check.
package webrtc
