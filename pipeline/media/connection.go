package media

import "time"

// Connection describes an open connection of a client to one of the servers by which streams come
// in.
type Connection struct {
	Protocol string // registered name of the server
	Number   uint64 // number among the server's connections, from 1
	TLS      bool   // the connection is encrypted
	Remote   string // the client's host:port
	User     string // authenticated user; empty before authentication and without it
	Path     string // path of the stream that it publishes or has announced; empty before
	Since    time.Time
	Bytes    uint64 // received
	State    ConnectionState
}

// ConnectionState is the progress of a client.
type ConnectionState string

// The states. At the limit of connections, the server may close those that do not publish.
const (
	ConnectionOpen       ConnectionState = "open"       // it has not announced a stream, or has ended it
	ConnectionAnnounced  ConnectionState = "announced"  // it may publish, and has sent no media yet
	ConnectionPublishing ConnectionState = "publishing" // it sends media
)
