// Package rtp makes RTP packets (RFC 3550) from the access units of live streams.
//
//	live.Unit --Sender.Unit--> payload format --Frames--> one write to a TCP connection, or a datagram each
//
// A Sender packetises one track for one client. Its packets go into Frames, which the client's task writes and reuses:
// the bytes of a unit are copied once, and nothing is allocated for a packet.
package rtp
