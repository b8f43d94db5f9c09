// Package metrics answers GET /metrics: what streams and recordings say about themselves,
// for Prometheus.
//
// A scrape asks about each stream once, so that its work grows with the number of
// streams, and it holds no lock of the hub or the recorder while it writes.
//
// # What bounds the series
//
// Whoever may publish chooses paths, and each has a dozen series. So only Config.MaxStreams
// streams have series of their own: those that are configured first, then those that came
// first. What the others say is summed under the stream Others, a path that no stream can
// have. The other labels are words of the program and names of the configuration.
//
// A stream that is gone keeps its series for Config.KeepGone. A counter does not go
// backwards while it is exported, though what it is made from does: a recording's figures
// begin anew with each run, a stream's with each time that its first publisher comes. What
// a stream adds between two scrapes is counted once, under its own name or under Others.
package metrics
