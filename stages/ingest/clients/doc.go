// Package clients is what all servers of ingest do about their connections: it accepts
// them in spite of errors that pass, bounds their number, counts and lists them. It knows
// no protocol: a server says what a client has come to.
package clients
