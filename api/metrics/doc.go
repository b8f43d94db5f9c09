// Package metrics answers GET /metrics with the figures of streams and recordings, for Prometheus.
//
// A scrape queries each stream once, so that its work grows with the number of streams. It holds no
// lock of the hub or the recorder while it writes.
//
// # What bounds the series
//
// Publishers choose paths, and each path has a dozen series. So only Config.MaxStreams streams have
// series of their own: configured ones first, then those that came first. The figures of the other
// streams are summed under the stream Others, a path that no stream can have. The other labels are
// constants of the program and names of the configuration.
//
// A stream that is gone keeps its series for Config.KeepGone. An exported counter never decreases,
// although its sources do: a recording's figures restart with each run, a stream's with each first
// publisher. The growth of a stream between two scrapes is counted once, under its own name or
// under Others.
package metrics
