package sampleindex

import (
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/index"
)

// Table is a track whose samples were gathered.
type Table struct {
	index.Track
	Samples *isobmff.TableBuilder
	Shift   int64 // ticks from the samples' decode times to the movie's
}

// Encode makes an index of what was gathered. A track without samples is not in it.
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
			moved.DTS += t.Shift
			e.Add(&moved)
		})
	}
	return e.Finish(of)
}
