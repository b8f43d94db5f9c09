// Package clients manages the connections of the servers of ingest and egress. It accepts connections in spite of
// transient errors, bounds their number, counts them, lists them and ends them. It knows no protocol: a server reports
// the state of each client.
package clients
