// Package rtsp takes streams in over RTSP: a server that clients publish to with
// ANNOUNCE and RECORD, and a puller that plays rtsp and rtsps URLs. Both carry
// media over TCP and UDP.
//
// The server's sockets and requests are gortsplib's; the puller has a client of its
// own (package client), for cameras that gortsplib's refuses. How packets become
// access units, and times, is package ingest's: gortsplib gives presentation times
// only, and places tracks by when they arrived.
package rtsp
