// Package client plays a stream of an RTSP 1.0 server (RFC 2326), as cameras implement it: it tolerates their faults
// if the meaning is clear.
//
//	Dial, Describe, Setup (per track), Play, Run, Close
//	 exchange.go  a request and its answer: credentials, redirects
//	 message.go   messages of the connection: answers, requests, frames
//	 run.go       timers: silence, keep-alive, receiver reports
//	 udp.go       media over UDP
//
// All methods of a Client belong to one goroutine, which also calls the callbacks of media over TCP. Over UDP each
// socket has a goroutine that calls them. The memory that a server can make the client hold is bounded (limits.go).
package client
