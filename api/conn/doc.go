// Package conn bounds the resources that one client of an HTTP server can take: the number of its
// connections, and the time in which the body of a request must arrive.
package conn
