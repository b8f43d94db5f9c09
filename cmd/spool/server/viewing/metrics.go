package viewing

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gospool/spool/stages/clients"
)

// described returns the description of a metric by protocol; name lacks the prefix spool_.
func described(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("spool_"+name, help, []string{"protocol"}, nil)
}

// metric is a metric of the clients of one protocol.
type metric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	of   func(clients.Counts) float64
}

// ofServers are the metrics of each ingest server.
var ofServers = []metric{
	{described("ingest_connections", "Open connections."), prometheus.GaugeValue,
		func(n clients.Counts) float64 { return float64(n.Connections) }},
	{described("ingest_connections_refused_total", "Connections refused because max_connections were open and all of them were recording."), prometheus.CounterValue,
		func(n clients.Counts) float64 { return float64(n.Refused) }},
	{described("ingest_connections_given_up_total", "Connections without a recording that were closed to make room for a new one."), prometheus.CounterValue,
		func(n clients.Counts) float64 { return float64(n.GivenUp) }},
	{described("ingest_publishers_refused_total", "Publishers refused because of their password, path, session description or codecs. At most sixty a minute are logged."), prometheus.CounterValue,
		func(n clients.Counts) float64 { return float64(n.Publishers) }},
}

// ofReaders are the metrics of the clients that read by each protocol.
var ofReaders = []metric{
	{described("live_readers", "Clients that read a stream now."), prometheus.GaugeValue,
		func(n clients.Counts) float64 { return float64(n.Reading) }},
	{described("live_readers_refused_total", "Clients that were refused because too many read already, or because of their password, path or codecs."), prometheus.CounterValue,
		func(n clients.Counts) float64 { return float64(n.Readers) }},
	{described("live_sent_bytes_total", "Bytes sent to clients that read."), prometheus.CounterValue,
		func(n clients.Counts) float64 { return float64(n.Sent) }},
	{described("live_skipped_access_units_total", "Access units that clients have not received because they read too slowly."), prometheus.CounterValue,
		func(n clients.Counts) float64 { return float64(n.Skipped) }},
}

// Describe sends the descriptions of the metrics; see prometheus.Collector.
func (c Connections) Describe(ch chan<- *prometheus.Desc) {
	for _, list := range [...][]metric{ofServers, ofReaders} {
		for _, m := range list {
			ch <- m.desc
		}
	}
}

// Collect sends the values of each protocol; see prometheus.Collector.
func (c Connections) Collect(ch chan<- prometheus.Metric) {
	send := func(protocol string, n clients.Counts, lists ...[]metric) {
		for _, list := range lists {
			for _, m := range list {
				ch <- prometheus.MustNewConstMetric(m.desc, m.kind, m.of(n), protocol)
			}
		}
	}
	for _, server := range c.Servers.All() {
		send(server.Name, server.Counts(), ofServers, ofReaders)
	}
	for protocol, n := range c.Readers.Counts {
		send(protocol, n, ofReaders)
	}
}
