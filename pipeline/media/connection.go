package media

import "time"

// Connection describes an open connection of a client that publishes or reads live streams, or may do so.
type Connection struct {
	Protocol string // registered name of the server
	Number   uint64 // number among the server's connections, from 1
	TLS      bool   // the connection is encrypted
	Remote   string // the client's host:port
	User     string // authenticated user; empty before authentication, and if the server requires none
	Path     string // path of the stream that the client publishes, has announced, or reads; empty before that
	Since    time.Time
	Bytes    uint64 // received bytes
	Sent     uint64 // sent bytes of a client that reads
	Skipped  uint64 // access units that a client has not received because it reads too slowly, or its protocol cannot carry them
	State    ConnectionState
	Recorded bool // a client that reads gets recordings of the stream, and not the live stream
}

// ConnectionState is a client's progress towards publishing or reading.
type ConnectionState string

// The states of a connection. At its limit of connections, a server may close those that are not publishing.
const (
	ConnectionOpen       ConnectionState = "open"       // the client announces no stream at present
	ConnectionAnnounced  ConnectionState = "announced"  // the client may publish, and has sent no media yet
	ConnectionPublishing ConnectionState = "publishing" // the client sends media
	ConnectionReading    ConnectionState = "reading"    // the client receives media
)
