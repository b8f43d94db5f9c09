package isobmff

import (
	"math"

	"github.com/gospool/spool/pipeline/media"
)

// TableBuilder collects the samples of one track while its file grows, and writes their sample
// tables. It stores them in compact columns, which take 3 to 7 bytes of memory a sample. A stretch
// is a contiguous range of samples in the file, which becomes an ISO chunk. The zero value is
// ready for use.
type TableBuilder struct {
	Count            uint64 // number of samples
	FirstTicks       int64  // decode time of the first sample
	FirstOffsetTicks int64  // composition offset of the first sample
	LastTicks        int64  // decode time of the last sample
	EndTicks         int64  // end of the last sample in decoding order: its decode time plus its duration
	latestTicks      int64  // composition time of the sample that is presented last

	deltas  runs    // differences of successive decode times
	offsets runs    // composition offsets
	sizes   varints // sizes in bytes
	nsync   uint64  // number of sync samples
	sync    varints // numbers of the sync samples, from 1, each as the difference to its predecessor
	lastSyn uint64  // number of the last sync sample

	spans  runs    // number of samples of each stretch
	starts varints // offset of each stretch, as the difference to its predecessor
	at     int64   // offset of the last stretch
}

// Add adds the samples c, which form one stretch from offset at of the file. shift is added to
// their decode times, in ticks. Add does not keep c.
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

// reorderReach is the number of last samples among which Add looks for the one presented last. It
// is more than the 16 pictures by which decoding and presentation order can differ (ITU-T H.264,
// A.3.1, and H.265, A.4.2).
const reorderReach = 32

// DurationTicks returns the time from the decode time of the first sample to the end of the last.
func (t *TableBuilder) DurationTicks() int64 { return t.EndTicks - t.FirstTicks }

// ShownTicks returns the time from the presentation of the first sample to the end of the sample
// that is presented last. It is longer than DurationTicks if the recording stopped before
// B-frames that are presented before a recorded picture.
func (t *TableBuilder) ShownTicks() int64 {
	return max(t.DurationTicks(), t.latestTicks+t.EndTicks-t.LastTicks-t.FirstTicks-t.FirstOffsetTicks)
}

// Write appends the boxes stts, ctts, stss, stsz, stsc and stco or co64 (ISO/IEC 14496-12, 8.6 and
// 8.7). It leaves out ctts if all composition offsets are 0, and stss if all samples are sync
// samples.
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
	step := func(n uint64, v int64) { // joins runs of equal values: the last sample's duration is a run of its own
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

// Bytes returns an upper limit of the number of bytes that Write appends.
func (t *TableBuilder) Bytes() int {
	return 8*(t.deltas.len()+1) + 8*t.offsets.len() + 4*int(t.nsync) + 4*int(t.Count) +
		12*t.spans.len() + 8*t.starts.n + 6*16 + 64
}
