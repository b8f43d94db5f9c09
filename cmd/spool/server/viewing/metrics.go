package viewing

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/gospool/spool/stages/clients"
)

// of returns the description of a metric of the clients that read by each protocol; name lacks the prefix spool_live_.
func of(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("spool_live_"+name, help, []string{"protocol"}, nil)
}

var (
	readers = of("readers", "Clients that read a stream now.")
	refused = of("readers_refused_total", "Clients that were refused because too many read already.")
	sent    = of("sent_bytes_total", "Bytes sent to clients that read.")
	skipped = of("skipped_access_units_total", "Access units that clients have not received because they read too slowly.")
)

// Describe sends the descriptions of the metrics; see prometheus.Collector.
func (c Connections) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{readers, refused, sent, skipped} {
		ch <- d
	}
}

// Collect sends the values of each protocol; see prometheus.Collector.
func (c Connections) Collect(ch chan<- prometheus.Metric) {
	send := func(protocol string, n clients.Counts) bool {
		ch <- prometheus.MustNewConstMetric(readers, prometheus.GaugeValue, float64(n.Reading), protocol)
		ch <- prometheus.MustNewConstMetric(refused, prometheus.CounterValue, float64(n.Readers), protocol)
		ch <- prometheus.MustNewConstMetric(sent, prometheus.CounterValue, float64(n.Sent), protocol)
		ch <- prometheus.MustNewConstMetric(skipped, prometheus.CounterValue, float64(n.Skipped), protocol)
		return true
	}
	for _, server := range c.Servers.All() {
		send(server.Name, server.Counts())
	}
	c.Readers.Counts(send)
}
