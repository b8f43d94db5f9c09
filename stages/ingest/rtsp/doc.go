// Package rtsp accepts streams over RTSP: by a server to which clients publish with ANNOUNCE and RECORD, and by a
// puller that plays rtsp and rtsps URLs. Both carry media over TCP and UDP.
//
// gortsplib provides the server's sockets and requests; the puller has a client of its own (package client), for
// cameras that gortsplib's client refuses. Package ingest makes access units and their times from packets: gortsplib
// returns presentation times only, and aligns tracks by their arrival.
//
// # Session descriptions
//
// They are often wrong. sdp.go reads them in one pass, within bounds; canonical.go rewrites them in a form that
// gortsplib reads; formats.go chooses the sections and formats that can be recorded; format_choice.go selects the
// format of a section that is really sent.
//
// # Clients
//
// The server trusts no client before it has authorized it: a connection has bounds until it records (conn_bounds.go,
// listener.go), the server decides on an ANNOUNCE before it reads the description (admission.go), and checks the
// permission to publish (authorize.go). A source port of media belongs to one track (client_ports.go). Events that
// strangers cause are logged sparingly (package sparinglog). A session belongs to the connection that made it.
package rtsp
