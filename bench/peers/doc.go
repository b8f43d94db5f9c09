// Package peers muxes movies of package movie with other MP4 libraries, to compare their cost with spool's. It is a
// module of its own, so that spool does not depend on these libraries.
package peers
