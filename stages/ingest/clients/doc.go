// Package clients manages the connections of the ingest servers. It accepts connections in spite of transient
// errors, bounds their number, counts them and lists them. It knows no protocol: a server reports the state of each
// client.
package clients
