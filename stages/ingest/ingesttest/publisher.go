// Package ingesttest supports the tests of package ingest and of the protocols. It has a publisher that keeps the
// access units of a feed, and parameter sets of real encoders.
package ingesttest

import (
	"bytes"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
)

// Publisher keeps the access units that a feed writes. It implements ingest.Publisher.
type Publisher struct {
	Sets  [][]media.Track // one element for each call of SetTracks
	Units []Unit
	Err   error // result of every call of SetTracks and Write once it is set

	Losses   map[string]uint64         // by cause
	Repairs  map[string]uint64         // by cause
	Problems map[int]*pipeline.Problem // newest one, by track; nil: it has ended
	Refuse   error                     // result of every call of Write once it is set, unless Err is
}

// Unit is an access unit that a feed has written.
type Unit struct {
	Set   int // number of calls of SetTracks before it
	Codec media.Codec
	AU    media.AU
	NALs  [][]byte // copy of its payload
}

// SetTracks appends the tracks to Sets and returns Err.
func (p *Publisher) SetTracks(tracks []media.Track) error {
	p.Sets = append(p.Sets, tracks)
	return p.Err
}

// Write appends a copy of the access unit to Units. If Err or Refuse is set, it returns that and keeps nothing.
func (p *Publisher) Write(track int, au *media.AU) error {
	if p.Err != nil {
		return p.Err
	}
	if p.Refuse != nil {
		return p.Refuse
	}
	u := Unit{Set: len(p.Sets), Codec: p.Sets[len(p.Sets)-1][track].Codec, AU: *au}
	for _, nal := range au.Payload {
		u.NALs = append(u.NALs, bytes.Clone(nal))
	}
	p.Units = append(p.Units, u)
	return nil
}

// Lost adds n to the losses of a cause.
func (p *Publisher) Lost(cause string, n uint64) {
	if p.Losses == nil {
		p.Losses = map[string]uint64{}
	}
	p.Losses[cause] += n
}

// Repaired adds n to the repairs of a cause.
func (p *Publisher) Repaired(cause string, n uint64) {
	if p.Repairs == nil {
		p.Repairs = map[string]uint64{}
	}
	p.Repairs[cause] += n
}

// Problem keeps the newest problem of a track. what is nil if the problem has ended.
func (p *Publisher) Problem(track int, what *pipeline.Problem) {
	if p.Problems == nil {
		p.Problems = map[int]*pipeline.Problem{}
	}
	p.Problems[track] = what
}

// Of returns the access units of a codec.
func (p *Publisher) Of(c media.Codec) (out []Unit) {
	for _, u := range p.Units {
		if u.Codec == c {
			out = append(out, u)
		}
	}
	return out
}

// Discard is an ingest.Publisher that accepts everything and keeps nothing.
type Discard struct{}

// SetTracks does nothing and returns nil.
func (Discard) SetTracks([]media.Track) error { return nil }

// Write does nothing and returns nil.
func (Discard) Write(int, *media.AU) error { return nil }

// Lost does nothing.
func (Discard) Lost(string, uint64) {}

// Repaired does nothing.
func (Discard) Repaired(string, uint64) {}

// Problem does nothing.
func (Discard) Problem(int, *pipeline.Problem) {}
