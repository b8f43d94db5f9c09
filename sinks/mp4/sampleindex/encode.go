package sampleindex

import (
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/index"
)

// Table holds the description of a track and all samples that the track has in a file.
type Table struct {
	index.Track
	Samples    *isobmff.TableBuilder
	ShiftTicks int64 // added to the samples' decode times to get times of the movie
}

// Encode returns the encoded index of a file with these tracks. The parameter of describes the
// file. Encode leaves out tracks without samples.
func Encode(of index.Source, tables []Table) ([]byte, error) {
	var e index.Encoder
	for i := range tables {
		t := &tables[i]
		if t.Samples.Count == 0 {
			continue
		}
		e.Track(t.Track)
		e.Reserve(int(t.Samples.Count))
		t.Samples.Each(func(s *isobmff.Sample) {
			moved := *s
			moved.DTS += t.ShiftTicks
			e.Add(&moved)
		})
	}
	return e.Finish(of)
}
