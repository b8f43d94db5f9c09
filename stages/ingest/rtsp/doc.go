// Package rtsp takes streams in over RTSP: a server that clients publish to with
// ANNOUNCE and RECORD, and a puller that plays rtsp and rtsps URLs. Both carry
// media over TCP and UDP.
//
// Sockets, requests, reordering on UDP and the RTP sessions are gortsplib's. How
// packets become access units, and times, is package ingest's: gortsplib gives
// presentation times only, and places tracks by when they arrived.
//
// Nothing is believed that a client says before it is known who it is: its
// connection has bounds until it records (guest.go, listener.go), an ANNOUNCE is
// decided on before its description is read (admission.go), the port that media
// comes from is one track's (ports.go), and what strangers cause is logged sparingly
// (strangers.go). A session belongs to the connection that made it.
package rtsp
