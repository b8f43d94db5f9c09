package media

import "time"

// Connection describes an open connection of a client to one of the servers to which publishers connect.
type Connection struct {
	Protocol string // registered name of the server
	Number   uint64 // number among the server's connections, from 1
	TLS      bool   // the connection is encrypted
	Remote   string // the client's host:port
	User     string // authenticated user; empty before authentication, and if the server requires none
	Path     string // path of the stream that the client publishes or has announced; empty before that
	Since    time.Time
	Bytes    uint64 // received bytes
	State    ConnectionState
}

// ConnectionState is a client's progress towards publishing.
type ConnectionState string

// The states of a connection. At its limit of connections, a server may close those that are not publishing.
const (
	ConnectionOpen       ConnectionState = "open"       // the client announces no stream at present
	ConnectionAnnounced  ConnectionState = "announced"  // the client may publish, and has sent no media yet
	ConnectionPublishing ConnectionState = "publishing" // the client sends media
)
