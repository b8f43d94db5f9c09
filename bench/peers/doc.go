// Package peers muxes the same movie with other libraries, to compare. It is a
// module of its own, so that they never reach the product's.
package peers
