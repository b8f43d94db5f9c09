// Package viewing joins the servers of ingest and the outputs of egress for the API: their connections and their metrics.
package viewing

import (
	"cmp"
	"slices"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/egress"
	"github.com/gospool/spool/stages/ingest"
)

// Connections lists and ends the connections of the ingest servers and of the outputs.
type Connections struct {
	Servers *ingest.Servers
	Readers *egress.Readers
	Gate    *egress.Gate
}

// EndUnserved closes the connections of the clients that watch a stream which no pipeline serves by their protocol any more.
func (c Connections) EndUnserved() {
	for _, one := range c.Connections() {
		if one.State == media.ConnectionReading && !one.Recorded && c.Gate.Serves(one.Protocol, one.Path) != nil {
			c.End(one.Protocol, one.Number)
		}
	}
}

// Connections lists the open connections, sorted by protocol and number.
func (c Connections) Connections() []media.Connection {
	all := append(c.Servers.Connections(), c.Readers.Connections()...)
	slices.SortFunc(all, func(a, b media.Connection) int {
		return cmp.Or(cmp.Compare(a.Protocol, b.Protocol), cmp.Compare(a.Number, b.Number))
	})
	return all
}

// End closes the connection with a number among those of a protocol, and reports whether there is one.
func (c Connections) End(protocol string, number uint64) bool {
	return c.Servers.End(protocol, number) || c.Readers.End(protocol, number)
}
