package mp4

import (
	"math"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// table is what the final moov needs to know of one track's samples, kept as
// compact columns while the file grows. Times are the file's (see track.shift).
type table struct {
	light bool // only what is needed for durations: a fragmented file has no other tables

	n      uint64 // samples
	first  int64  // ticks, decode time of the first sample
	offset int64  // ticks, composition offset of the first sample
	last   int64  // ticks, decode time of the last sample
	end    int64  // ticks, where the last sample ends as far as is known
	latest int64  // ticks, composition time of the sample that is shown last

	deltas  runs    // of decode times, one fewer than samples
	offsets runs    // composition offsets
	sizes   varints // bytes
	nsync   uint64
	sync    varints // sample numbers from 1, each as the step from the one before
	lastSyn uint64

	spans  runs    // samples per stretch of the file
	starts varints // offsets of the stretches, each as the step from the one before
	at     int64   // offset of the last stretch
}

// add takes in the samples of one track in one chunk, which begin at offset at
// of the file.
func (t *table) add(c *media.Columns, shift, at int64) {
	n := c.Len()
	if n == 0 {
		return
	}
	if t.n == 0 {
		t.first, t.offset = c.DTS[0]+shift, int64(c.Offset[0])
	}
	for i := max(n-reorderReach, 0); i < n; i++ {
		t.latest = max(t.latest, c.DTS[i]+shift+int64(c.Offset[i]))
	}
	if t.light {
		t.n += uint64(n)
		t.last, t.end = c.DTS[n-1]+shift, c.End+shift
		return
	}
	for i, dts := range c.DTS {
		m := dts + shift
		if t.n > 0 {
			t.deltas.put(m - t.last)
		}
		t.last = m
		t.n++
		t.offsets.put(int64(c.Offset[i]))
		t.sizes.put(uint64(c.Size[i]))
		if c.Flags[i]&media.FlagSync != 0 {
			t.nsync++
			t.sync.put(t.n - t.lastSyn)
			t.lastSyn = t.n
		}
	}
	t.end = c.End + shift
	t.spans.put(int64(n))
	t.starts.put(uint64(at - t.at))
	t.at = at
}

// reorderReach is more samples than one may be shown out of turn by (16 in
// ITU-T H.264, A.3.1, and H.265, A.4.2): no earlier one is shown last.
const reorderReach = 32

// duration is from the first sample to the end of the last, ticks.
func (t *table) duration() int64 { return t.end - t.first }

// shown is from when the first sample is shown until the last one has been, ticks:
// longer than duration where a stop came before the pictures that are decoded
// after a later one and shown before it.
func (t *table) shown() int64 {
	return max(t.duration(), t.latest+t.end-t.last-t.first-t.offset)
}

// write appends the sample tables (ISO/IEC 14496-12, 8.6 to 8.7).
func (t *table) write(w *isobmff.Writer) {
	t.writeTimes(w)
	t.writeOffsets(w)
	if t.nsync < t.n {
		t.writeSync(w)
	}
	t.writeSizes(w)
	t.writeSpans(w)
	t.writeStarts(w)
}

func (t *table) writeTimes(w *isobmff.Writer) {
	at := w.OpenFull("stts", 0, 0)
	count := len(w.B)
	w.U32(0)
	entries, samples, delta := uint32(0), uint64(0), int64(0)
	put := func(n uint64, v int64) {
		if n > 0 {
			w.U32(uint32(n))
			w.U32(uint32(v))
			entries++
		}
	}
	step := func(n uint64, v int64) { // the last sample's duration may prolong the last run
		if v == delta {
			samples += n
			return
		}
		put(samples, delta)
		samples, delta = n, v
	}
	t.deltas.each(step)
	step(1, t.end-t.last)
	put(samples, delta)
	w.Patch(count, entries)
	w.Close(at)
}

// writeOffsets leaves ctts out where composition and decoding are the same.
func (t *table) writeOffsets(w *isobmff.Writer) {
	if t.offsets.len() == 1 && t.offsets.value == 0 {
		return
	}
	var version uint8
	if t.offsets.low < 0 {
		version = 1 // signed
	}
	at := w.OpenFull("ctts", version, 0)
	w.U32(uint32(t.offsets.len()))
	t.offsets.each(func(n uint64, v int64) {
		w.U32(uint32(n))
		w.U32(uint32(int32(v)))
	})
	w.Close(at)
}

func (t *table) writeSync(w *isobmff.Writer) {
	at := w.OpenFull("stss", 0, 0)
	w.U32(uint32(t.nsync))
	n := uint64(0)
	t.sync.each(func(step uint64) {
		n += step
		w.U32(uint32(n))
	})
	w.Close(at)
}

func (t *table) writeSizes(w *isobmff.Writer) {
	at := w.OpenFull("stsz", 0, 0)
	w.U32(0)
	w.U32(uint32(t.n))
	t.sizes.each(func(n uint64) { w.U32(uint32(n)) })
	w.Close(at)
}

func (t *table) writeSpans(w *isobmff.Writer) {
	at := w.OpenFull("stsc", 0, 0)
	w.U32(uint32(t.spans.len()))
	first := uint64(1)
	t.spans.each(func(n uint64, samples int64) {
		w.U32(uint32(first))
		w.U32(uint32(samples))
		w.U32(1) // sample description
		first += n
	})
	w.Close(at)
}

func (t *table) writeStarts(w *isobmff.Writer) {
	wide := t.at > math.MaxUint32
	fourcc := "stco"
	if wide {
		fourcc = "co64"
	}
	at := w.OpenFull(fourcc, 0, 0)
	w.U32(uint32(t.starts.n))
	offset := uint64(0)
	t.starts.each(func(step uint64) {
		offset += step
		if wide {
			w.U64(offset)
		} else {
			w.U32(uint32(offset))
		}
	})
	w.Close(at)
}

// bytes is no less than what write appends: room for it is made in one step.
func (t *table) bytes() int {
	return 8*(t.deltas.len()+1) + 8*t.offsets.len() + 4*int(t.nsync) + 4*int(t.n) +
		12*t.spans.len() + 8*t.starts.n + 6*16 + 64
}
