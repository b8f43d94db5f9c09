// Package client plays a stream of an RTSP 1.0 server (RFC 2326). The servers are cameras: the client tolerates their
// faults where the meaning is clear.
//
//	Dial, Describe, Setup (per track), Play, Run, Close
//	 exchange.go  a request and its answer: credentials, redirects
//	 message.go   messages of the connection: answers, requests, frames
//	 run.go       timers: silence, keep-alive, receiver reports
//	 udp.go       media over UDP
//
// One goroutine calls all methods of a Client. Run calls the callbacks of media over TCP on that goroutine; over UDP
// each socket has a goroutine that calls them. limits.go bounds the memory that a server can make the client use.
package client
