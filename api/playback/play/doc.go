// Package play answers requests for a span of a stream's footage as one file.
package play
