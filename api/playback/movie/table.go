package movie

import (
	"errors"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
)

// errChanged reports that an index has other samples than when the plan was made.
var errChanged = errors.New("the recording's sample index has changed")

// table makes the entries of a piece of a table, some at a time.
type table struct {
	content content
	of      *track
	p       *part
	source  *source
	base    int64 // samples of the track before the part for syncs, stretches before it for spans

	c    *clip.Cursor
	n    int64 // number of the next sample in the part
	next int64 // end of the previous sample in the recording's file
	done bool

	run   int64 // the value of the current run of samples: a duration, an offset
	count int64 // its samples
	bytes int64 // of the samples before the current one
}

// newTable returns the table of a piece, from the sample number skip of the part on: only a table of sizes can begin at another one than 0.
func (m *Movie) newTable(r *clip.Recording, pc *piece, skip int64) *table {
	t := &m.tracks[pc.track]
	g := &table{content: pc.result, of: t, p: &t.parts[pc.part], next: -1, n: skip}
	g.source = &m.sources[g.p.source]
	g.c = r.Samples(g.p.track, g.p.first+skip, g.p.end)
	for i := range t.parts[:pc.part] {
		switch p := &t.parts[i]; pc.result {
		case syncs:
			g.base += p.samples()
		case spans:
			g.base += p.stretches
		}
	}
	return g
}

// more appends entries to w, up to about limit bytes of them. It appends none at the end of the table.
func (g *table) more(w *isobmff.Writer, limit int) error {
	var s isobmff.Sample
	for begin := len(w.B); !g.done && len(w.B)-begin < limit; g.n++ {
		ok, err := g.c.Next(&s)
		if err != nil {
			return err
		}
		if !ok {
			if g.n != g.p.samples() {
				return errChanged
			}
			g.done = true
			g.last(w)
			return nil
		}
		g.add(w, &s)
	}
	return nil
}

// add appends the entries that are complete with a sample.
func (g *table) add(w *isobmff.Writer, s *isobmff.Sample) {
	switch g.content {
	case sizes:
		w.U32(s.SizeBytes)
	case syncs:
		if s.Sync {
			w.U32(uint32(g.base + g.n + 1))
		}
	case durations:
		if g.n == g.p.samples()-1 {
			g.flush(w)
		} else {
			g.join(w, g.duration(s))
		}
	case offsets:
		g.join(w, g.offset(s))
	case spans:
		g.stretch(w, s)
		g.count++
	case places:
		if s.At != g.next {
			w.U64(uint64(g.place(s)))
		}
		g.next = s.At + int64(s.SizeBytes)
		g.bytes += int64(s.SizeBytes)
	}
}

// last appends the entries that are complete at the end of the part.
func (g *table) last(w *isobmff.Writer) {
	switch g.content {
	case durations:
		w.U32(1)
		w.U32(uint32(g.p.lastTicks))
	case offsets, spans:
		g.flush(w)
	}
}

func (g *table) duration(s *isobmff.Sample) int64 {
	if g.of.scaled(g.p) {
		return g.of.out(g.p, s.DTS+s.DurationTicks) - g.of.out(g.p, s.DTS)
	}
	return s.DurationTicks
}

func (g *table) offset(s *isobmff.Sample) int64 {
	if g.of.scaled(g.p) {
		return g.of.out(g.p, s.DTS+int64(s.OffsetTicks)) - g.of.out(g.p, s.DTS)
	}
	return int64(s.OffsetTicks)
}

// join adds a sample with a value to the current run. A value that is converted has a run of its own, as the plan counts it.
func (g *table) join(w *isobmff.Writer, value int64) {
	if g.count > 0 && (value != g.run || g.of.scaled(g.p)) {
		g.flush(w)
	}
	g.run = value
	g.count++
}

// stretch ends the current stretch if a sample does not continue it.
func (g *table) stretch(w *isobmff.Writer, s *isobmff.Sample) {
	if s.At != g.next {
		g.flush(w)
		g.base++
	}
	g.next = s.At + int64(s.SizeBytes)
}

// flush appends the current run.
func (g *table) flush(w *isobmff.Writer) {
	if g.count == 0 {
		return
	}
	if g.content == spans {
		w.U32(uint32(g.base)) // number of the chunk, from 1
		w.U32(uint32(g.count))
		w.U32(g.p.entry)
	} else {
		w.U32(uint32(g.count))
		w.U32(uint32(g.run))
	}
	g.count = 0
}

// place returns the offset of a sample in the movie.
func (g *table) place(s *isobmff.Sample) int64 {
	if g.source.toByte > 0 {
		return g.source.mediaAt + s.At - g.source.fromByte
	}
	return g.p.mediaAt + g.bytes
}

// stretches walks the samples of a part that is in the movie without the other tracks of its recording.
type stretches struct {
	c    *clip.Cursor
	s    isobmff.Sample
	more bool
}

// next returns the next bytes of the file that belong to the part: samples that are contiguous. n is 0 at the end.
func (w *stretches) next() (at, n int64, err error) {
	if !w.more {
		if w.more, err = w.c.Next(&w.s); !w.more {
			return 0, 0, err
		}
	}
	at = w.s.At
	for w.more && w.s.At == at+n {
		n += int64(w.s.SizeBytes)
		if w.more, err = w.c.Next(&w.s); err != nil {
			return 0, 0, err
		}
	}
	return at, n, nil
}
