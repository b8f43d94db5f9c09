// Package conn bounds what the clients of an HTTP server can take from one another:
// connections, and the time in which a body comes. It holds the certificate, which is
// read again when its files change.
package conn
