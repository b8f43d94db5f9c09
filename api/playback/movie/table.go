package movie

import (
	"errors"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/index"
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

	c    interface{ Columns() (index.Columns, error) } // the samples of the part
	n    int64                                         // number of the next sample in the part
	next int64                                         // end of the previous sample in the recording's file
	done bool

	run   int64 // the value of the current run of samples: a duration, an offset
	count int64 // its samples
	bytes int64 // of the samples before the current one
}

// constant appends the entries of a piece to w, if its samples have one duration, or one offset, and no index is needed to make them.
func (m *Movie) constant(w *isobmff.Writer, pc *piece) bool {
	t := &m.tracks[pc.track]
	p := &t.parts[pc.part]
	g := table{content: pc.result, of: t, p: p}
	switch {
	case t.scaled(p):
		return false
	case pc.result == durations && p.counts.durations <= 1:
		g.run, g.count = p.duration, p.samples()-1
		g.flush(w)
	case pc.result == offsets && p.offsets == 1:
		g.run, g.count = p.offset, p.samples()
	default:
		return false
	}
	g.last(w)
	return true
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

// more appends entries to w, about limit bytes of them or some more. It appends none at the end of the table.
func (g *table) more(w *isobmff.Writer, limit int) error {
	for begin := len(w.B); !g.done && len(w.B)-begin < limit; {
		k, err := g.c.Columns()
		if err != nil {
			return err
		}
		n := int64(len(k.Sizes))
		if n == 0 {
			if g.n != g.p.samples() {
				return errChanged
			}
			g.done = true
			g.last(w)
			return nil
		}
		g.add(w, &k)
		g.n += n
	}
	return nil
}

// add appends the entries that are complete with the next samples.
func (g *table) add(w *isobmff.Writer, k *index.Columns) {
	switch g.content {
	case sizes:
		for _, size := range k.Sizes {
			w.U32(uint32(size))
		}
	case syncs:
		for i, sync := range k.Sync {
			if sync {
				w.U32(uint32(g.base + g.n + int64(i) + 1))
			}
		}
	case durations:
		column := k.Durations
		if g.n+int64(len(column)) == g.p.samples() {
			column = column[:len(column)-1]
		}
		g.join(w, column, k)
		if len(column) < len(k.Durations) {
			g.flush(w)
		}
	case offsets:
		g.join(w, k.Offsets, k)
	case spans:
		for i, at := range k.Places {
			g.stretch(w, at, k.Sizes[i])
		}
	case places:
		for i, at := range k.Places {
			if at != g.next {
				w.U64(uint64(g.place(at)))
			}
			g.next = at + k.Sizes[i]
			g.bytes += k.Sizes[i]
		}
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

// join adds samples with the values of a column, of durations or offsets, to the current run.
func (g *table) join(w *isobmff.Writer, column []int64, k *index.Columns) {
	if !g.of.scaled(g.p) {
		for _, v := range column {
			if g.count > 0 && v != g.run {
				g.flush(w)
			}
			g.run = v
			g.count++
		}
		return
	}
	dts := k.DTS
	for i, v := range column { // a value that is converted has a run of its own, as the plan counts it
		g.flush(w)
		g.run, g.count = g.of.out(g.p, dts+v)-g.of.out(g.p, dts), 1
		dts += k.Durations[i]
	}
}

// stretch ends the current stretch if a sample does not continue it, and adds the sample.
func (g *table) stretch(w *isobmff.Writer, at, size int64) {
	if at != g.next {
		g.flush(w)
		g.base++
	}
	g.next = at + size
	g.count++
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

// place returns the offset in the movie of the next sample, which is at an offset of the recording's file.
func (g *table) place(at int64) int64 {
	if g.source.toByte > 0 {
		return g.source.mediaAt + at - g.source.fromByte
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
