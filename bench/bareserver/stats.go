package bareserver

import "sync/atomic"

// Publishers is a server that discards what its publishers send.
type Publishers interface {
	// Address returns the address at which the server listens.
	Address() string
	// Stats returns the totals so far. It is safe for concurrent use.
	Stats() Stats
	// Close stops the server, ends all its sessions, and waits until what has arrived is counted.
	Close()
}

// Stats holds the totals of a server since its start.
type Stats struct {
	Sessions int64 `json:"sessions"`      // sessions that began to publish
	Units    int64 `json:"access_units"`  // whole access units: pictures and frames of sound
	Bytes    int64 `json:"bytes"`         // bytes of their NAL units, or of the frames; of a transport stream that is not demuxed, all
	Errors   int64 `json:"decode_errors"` // packets that could not be decoded
	Lost     int64 `json:"packets_lost"`
}

// counts holds the counters of a server: see Stats.
type counts struct{ sessions, units, bytes, errors, lost atomic.Int64 }

func (c *counts) stats() Stats {
	return Stats{c.sessions.Load(), c.units.Load(), c.bytes.Load(), c.errors.Load(), c.lost.Load()}
}

// add counts access units, which have the given parts.
func (c *counts) add(parts [][]byte, units int) {
	n := 0
	for _, part := range parts {
		n += len(part)
	}
	c.bytes.Add(int64(n)) // first: a caller of stats that sees a unit sees its bytes
	c.units.Add(int64(units))
}
