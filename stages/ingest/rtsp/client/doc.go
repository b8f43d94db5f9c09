// Package client plays a stream of an RTSP 1.0 server (RFC 2326) as cameras speak
// it: what they get wrong is put up with where it is clear what they mean.
//
//	Dial, Describe, Setup (per track), Play, Run, Close
//	 exchange.go  a request and its answer: credentials, redirects
//	 message.go   what comes on the connection: answers, requests, frames
//	 run.go       what happens when: silence, keep-alive, receiver reports
//	 udp.go       media over UDP
//
// All methods of a Client are for one goroutine, which also calls the callbacks of
// media over TCP. Over UDP each socket has a goroutine that calls them. What a
// server can make the client hold is bounded (limits.go).
package client
