// Package rtsp takes streams in over RTSP: a server that clients publish to with
// ANNOUNCE and RECORD, and a puller that plays rtsp and rtsps URLs. Both carry
// media over TCP and UDP.
//
// The server's sockets and requests are gortsplib's; the puller has a client of its
// own (package client), for cameras that gortsplib's refuses. How packets become
// access units, and times, is package ingest's: gortsplib gives presentation times
// only, and places tracks by when they arrived.
//
// # Session descriptions
//
// They come from anywhere and are often wrong. sdp.go reads them in one pass, within
// bounds, canonical.go writes them in a form that gortsplib reads whatever they said,
// formats.go chooses the sections and formats that can be recorded, and choice.go which
// of several formats of a section is: the one that is sent.
//
// # Clients
//
// Nothing is believed that a client says before it is known who it is: its
// connection has bounds until it records (guest.go, listener.go), an ANNOUNCE is
// decided on before its description is read (admission.go; authorize.go: who
// may publish), the port that media comes from is one track's (ports.go), and what
// strangers cause is logged sparingly (package sparinglog). A session belongs to the connection that made it.
package rtsp
