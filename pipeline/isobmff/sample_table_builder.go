package isobmff

import (
	"math"

	"github.com/gospool/spool/pipeline/media"
)

// TableBuilder collects the samples of one track while its file grows, as compact columns, and
// writes its sample tables. It takes 3 to 7 bytes of memory a sample.
type TableBuilder struct {
	Count            uint64 // samples
	FirstTicks       int64  // decode time of the first sample
	FirstOffsetTicks int64  // composition offset of the first sample
	LastTicks        int64  // decode time of the last sample
	EndTicks         int64  // end of the last sample, as far as known
	latestTicks      int64  // composition time of the sample presented last

	deltas  runs    // of decode times, one fewer than samples
	offsets runs    // composition offsets
	sizes   varints // bytes
	nsync   uint64
	sync    varints // sample numbers from 1, each as the difference to its predecessor
	lastSyn uint64

	spans  runs    // samples per stretch of the file
	starts varints // offsets of the stretches, each as the difference to its predecessor
	at     int64   // offset of the last stretch
}

// Add adds samples that are contiguous in the file from offset at. shift, in ticks, is added to
// their decode times.
func (t *TableBuilder) Add(c *media.Columns, shift, at int64) {
	n := c.Len()
	if n == 0 {
		return
	}
	if t.Count == 0 {
		t.FirstTicks, t.FirstOffsetTicks = c.DTS[0]+shift, int64(c.OffsetTicks[0])
	}
	for i := max(n-reorderReach, 0); i < n; i++ {
		t.latestTicks = max(t.latestTicks, c.DTS[i]+shift+int64(c.OffsetTicks[i]))
	}
	for i, dts := range c.DTS {
		m := dts + shift
		if t.Count > 0 {
			t.deltas.put(m - t.LastTicks)
		}
		t.LastTicks = m
		t.Count++
		t.offsets.put(int64(c.OffsetTicks[i]))
		t.sizes.put(uint64(c.SizeBytes[i]))
		if c.Flags[i]&media.FlagSync != 0 {
			t.nsync++
			t.sync.put(t.Count - t.lastSyn)
			t.lastSyn = t.Count
		}
	}
	t.EndTicks = c.EndTicks + shift
	t.spans.put(int64(n))
	t.starts.put(uint64(at - t.at))
	t.at = at
}

// reorderReach is more than the largest number of samples by which decoding and presentation order
// differ (16 in ITU-T H.264, A.3.1, and H.265, A.4.2): no earlier sample is presented last.
const reorderReach = 32

// DurationTicks returns the time from the first sample to the end of the last.
func (t *TableBuilder) DurationTicks() int64 { return t.EndTicks - t.FirstTicks }

// ShownTicks returns the time from the presentation of the first sample to the end of the
// presentation: longer than the duration if the recording stopped before pictures that are decoded
// later and presented earlier.
func (t *TableBuilder) ShownTicks() int64 {
	return max(t.DurationTicks(), t.latestTicks+t.EndTicks-t.LastTicks-t.FirstTicks-t.FirstOffsetTicks)
}

// Write appends the sample tables (ISO/IEC 14496-12, 8.6 to 8.7).
func (t *TableBuilder) Write(w *Writer) {
	t.writeTimes(w)
	t.writeOffsets(w)
	if t.nsync < t.Count {
		t.writeSync(w)
	}
	t.writeSizes(w)
	t.writeSpans(w)
	t.writeStarts(w)
}

func (t *TableBuilder) writeTimes(w *Writer) {
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
	step := func(n uint64, v int64) { // the last sample's duration may extend the last run
		if v == delta {
			samples += n
			return
		}
		put(samples, delta)
		samples, delta = n, v
	}
	t.deltas.each(step)
	step(1, t.EndTicks-t.LastTicks)
	put(samples, delta)
	w.Patch(count, entries)
	w.Close(at)
}

// writeOffsets appends ctts, unless all composition offsets are 0.
func (t *TableBuilder) writeOffsets(w *Writer) {
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

func (t *TableBuilder) writeSync(w *Writer) {
	at := w.OpenFull("stss", 0, 0)
	w.U32(uint32(t.nsync))
	n := uint64(0)
	t.sync.each(func(step uint64) {
		n += step
		w.U32(uint32(n))
	})
	w.Close(at)
}

func (t *TableBuilder) writeSizes(w *Writer) {
	at := w.OpenFull("stsz", 0, 0)
	w.U32(0)
	w.U32(uint32(t.Count))
	t.sizes.each(func(n uint64) { w.U32(uint32(n)) })
	w.Close(at)
}

func (t *TableBuilder) writeSpans(w *Writer) {
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

func (t *TableBuilder) writeStarts(w *Writer) {
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

// Bytes returns an upper bound of the bytes that Write appends.
func (t *TableBuilder) Bytes() int {
	return 8*(t.deltas.len()+1) + 8*t.offsets.len() + 4*int(t.nsync) + 4*int(t.Count) +
		12*t.spans.len() + 8*t.starts.n + 6*16 + 64
}
