// Package metrics answers GET /metrics with the metrics of streams and recordings, in the format of
// Prometheus.
//
// A scrape reads the state of each stream once. It holds no lock of the hub or the recorder while it
// writes the answer.
//
// # The number of series
//
// Any publisher can choose a new stream path, and each path has about a dozen series. To bound their
// number, only Config.MaxStreams streams have series of their own: configured streams first, then
// those that appeared first. The values of all other streams are added up under the
// stream Others, a path that no stream can have. The values of all other labels are constants of the
// program or names in the configuration.
//
// A stream is gone when it is neither listed by the hub nor recorded. It keeps its series for
// Config.KeepGone. While a series exists, its counter never decreases, although the counters of a
// recording restart at 0 with each run, and those of a stream whenever the hub lists it anew. The
// growth of a counter between two scrapes is counted once: under the stream itself or under Others.
package metrics
