package server

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/gospool/spool/stages/ingest"
)

// publishURLs are where a stream is published to; nowhere while no server listens.
func (s *Server) publishURLs() string {
	var all []string
	for _, server := range s.servers.All() {
		all = append(all, server.URL("live/NAME"))
	}
	if len(all) == 0 {
		return "nowhere: no server of ingest has an address to listen on"
	}
	return strings.Join(all, ", ")
}

// serverCounts are how the servers of ingest fare, each by its protocol.
type serverCounts struct{ servers *ingest.Servers }

func ofServer(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("spool_ingest_"+name, help, []string{"protocol"}, nil)
}

var (
	openConnections    = ofServer("connections", "Connections of a server that are open.")
	refusedConnections = ofServer("connections_refused_total", "Connections refused because max_connections were open, and all of them recorded.")
	givenUpConnections = ofServer("connections_given_up_total", "Connections that did not record, closed to make room for a new one.")
	refusedPublishers  = ofServer("publishers_refused_total", "Publishers refused, for their password, path, session description or codecs; each was logged, sixty a minute at most.")
)

// Describe sends the descriptions; see prometheus.Collector.
func (c serverCounts) Describe(ch chan<- *prometheus.Desc) {
	ch <- openConnections
	ch <- refusedConnections
	ch <- givenUpConnections
	ch <- refusedPublishers
}

// Collect sends the figures of each server; see prometheus.Collector.
func (c serverCounts) Collect(ch chan<- prometheus.Metric) {
	for _, server := range c.servers.All() {
		n := server.Counts()
		ch <- prometheus.MustNewConstMetric(openConnections, prometheus.GaugeValue, float64(n.Connections), server.Name)
		ch <- prometheus.MustNewConstMetric(refusedConnections, prometheus.CounterValue, float64(n.Refused), server.Name)
		ch <- prometheus.MustNewConstMetric(givenUpConnections, prometheus.CounterValue, float64(n.GivenUp), server.Name)
		ch <- prometheus.MustNewConstMetric(refusedPublishers, prometheus.CounterValue, float64(n.Publishers), server.Name)
	}
}
