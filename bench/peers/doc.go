// Package peers muxes the same movie with other libraries, for comparison. It is a module of its own, so that the
// product does not depend on them.
package peers
