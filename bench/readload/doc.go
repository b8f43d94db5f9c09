// Package readload reads live streams from a server, as many viewers do, and discards them: a load for a benchmark.
package readload
