package movie

import (
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff/index"
)

// measure counts the samples of a part. fromTicks and toTicks bound the clip.
func (p *part) measure(r *clip.Recording, fromTicks, toTicks int64) error {
	g := newGauge(p, fromTicks, toTicks)
	for c := r.Samples(p.track, p.first, p.end); ; {
		k, err := c.Columns()
		if err != nil || len(k.Sizes) == 0 {
			return err
		}
		g.add(&k)
	}
}

// gauge counts the samples of a part, some at a time.
type gauge struct {
	*part
	fromTicks, toTicks int64 // bounds of the clip
	left               int64 // samples to come, for durations
	duration, offset   int64 // of the sample before
	next               int64 // its end in the file
}

// newGauge returns a gauge that begins to count the samples of a part.
func newGauge(p *part, fromTicks, toTicks int64) gauge {
	p.counts, p.shown = counts{}, shown{firstPTS: unseen, startPTS: unseen, fromByte: unseen}
	return gauge{part: p, fromTicks: fromTicks, toTicks: toTicks, left: p.samples(), duration: -1, next: -1}
}

// add counts the next samples. Each column is counted in a loop of its own, which takes less time than one loop for all: a day has
// millions of samples.
func (g *gauge) add(k *index.Columns) {
	g.times(k)
	g.durations(k.Durations)
	g.offsets(k.Offsets)
	g.places(k)
}

// times counts what depends on decode times.
func (g *gauge) times(k *index.Columns) {
	p, dts := g.part, k.DTS
	if p.offsets == 0 {
		p.firstDTS = dts
	}
	least, start, end := p.firstPTS, p.startPTS, p.endPTS
	offsets := k.Offsets[:len(k.Durations)]
	for i, d := range k.Durations {
		pts := dts + offsets[i]
		least = min(least, pts)
		if pts >= g.fromTicks && pts < g.toTicks {
			start, end = min(start, pts), max(end, min(pts+d, g.toTicks))
		}
		dts += d
	}
	p.firstPTS, p.startPTS, p.endPTS = least, start, end
	p.endDTS, p.lastDTS = dts, dts-k.Durations[len(k.Durations)-1]
}

// durations counts the runs of equal durations, which the last sample of the part is not in.
func (g *gauge) durations(column []int64) {
	if g.left -= int64(len(column)); g.left == 0 {
		column = column[:len(column)-1]
	}
	for _, d := range column {
		if d != g.duration {
			g.duration = d
			if g.part.durations == 0 {
				g.part.duration = d
			}
			g.part.durations++
		}
	}
}

// offsets counts the runs of equal composition offsets.
func (g *gauge) offsets(column []int64) {
	p := g.part
	if p.offsets == 0 {
		g.offset, p.offset, p.offsets = column[0], column[0], 1
		p.negative, p.shifted, p.least = column[0] < 0, column[0] != 0, min(column[0], 0)
	}
	for _, o := range column {
		if o != g.offset {
			g.offset = o
			p.offsets++
			p.negative, p.shifted, p.least = p.negative || o < 0, true, min(p.least, o) // of two different offsets, one is not 0
		}
	}
}

// places counts bytes, stretches in the file, and sync samples.
func (g *gauge) places(k *index.Columns) {
	p := g.part
	places := k.Places[:len(k.Sizes)]
	for i, size := range k.Sizes {
		at := places[i]
		if at != g.next {
			p.stretches++
			p.fromByte, p.toByte = min(p.fromByte, at), max(p.toByte, g.next)
		}
		g.next = at + size
		p.bytes += size
	}
	p.toByte = max(p.toByte, g.next)
	for _, sync := range k.Sync {
		if sync {
			p.syncs++
		}
	}
}
