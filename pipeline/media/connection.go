package media

import "time"

// Connection is an open connection of a client to one of the servers that streams come
// in by.
type Connection struct {
	Protocol string // of the server, as it is registered
	Number   uint64 // of its server's connections, from 1 in the order in which they came
	TLS      bool   // it is encrypted
	Remote   string // the client's host:port
	User     string // whose name was accepted for Path; empty without one, or before
	Path     string // of the stream that it publishes, or has asked to; empty before
	Since    time.Time
	Bytes    uint64 // that came by it
	State    ConnectionState
}

// ConnectionState says how far a client has come.
type ConnectionState string

// The states. Those that do not publish may be closed for others.
const (
	ConnectionOpen       ConnectionState = "open"       // it has asked for nothing yet, or is done
	ConnectionAnnounced  ConnectionState = "announced"  // it may publish, and does not send yet
	ConnectionPublishing ConnectionState = "publishing" // it is recorded, where a pipeline wants its stream
)
