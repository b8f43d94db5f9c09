// Package rtsp receives streams over RTSP 1.0 (RFC 2326) in two ways: a server to which clients publish with ANNOUNCE
// and RECORD, and a puller that plays rtsp and rtsps URLs. Both receive media over TCP and UDP.
//
// gortsplib provides the server's sockets and parses its requests. The puller uses package client instead, because
// gortsplib's client fails with many cameras. Packages rtp and ingest make access units, with DTS and PTS, from the
// packets: gortsplib calculates presentation times only, and aligns tracks by the arrival of their packets. Of a client
// that records over TCP, the server takes the RTP packets out of the connection before gortsplib reads it
// (interleaved.go).
//
// # Session descriptions
//
// Many senders write faulty session descriptions (SDP, RFC 8866). sdp.go reads a description in one pass, within
// bounds. canonical.go rewrites it into a form that gortsplib accepts. formats.go selects the media sections and
// formats that can be recorded. format_choice.go finds out which format of a section the sender really sends.
//
// # Players
//
// The server plays live streams (reader.go, package stages/egress/rtsp) and, at paths that begin with replay/, recordings (replay.go, package
// stages/egress/replay).
//
// # Clients
//
// The server trusts no client before it has authorized it. conn_bounds.go and listener.go bound the time, the memory
// and the number of the connections that do not record yet. admission.go decides on an ANNOUNCE before gortsplib reads
// its session description, and authorize.go checks the permission to publish. client_ports.go gives each UDP source
// port to one track. Package sparinglog limits the log lines that any client can cause. A session can be used only by
// the connection that created it.
package rtsp
