// Package conn bounds the resources that one client of an HTTP server can take: connections, and
// the time for a body to arrive.
package conn
