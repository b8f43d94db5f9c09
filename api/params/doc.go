// Package params reads the declared query parameters of a route and refuses all others: ignoring a
// misspelt one would do something else than requested.
package params
