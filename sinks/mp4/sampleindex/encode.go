package sampleindex

import (
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/index"
)

// Table is a track with its collected samples.
type Table struct {
	index.Track
	Samples    *isobmff.TableBuilder
	ShiftTicks int64 // ticks, added to decode times to get movie times
}

// Encode encodes the index of the collected samples. It leaves out tracks without samples.
func Encode(of index.Source, tables []Table) ([]byte, error) {
	var e index.Encoder
	for i := range tables {
		t := &tables[i]
		if t.Samples.Count == 0 {
			continue
		}
		e.Track(t.Track)
		t.Samples.Each(func(s *isobmff.Sample) {
			moved := *s
			moved.DTS += t.ShiftTicks
			e.Add(&moved)
		})
	}
	return e.Finish(of)
}
