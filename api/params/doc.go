// Package params reads the query parameters that a route declares and refuses all others, because a
// server that ignores a misspelt parameter does something else than the client requested.
package params
