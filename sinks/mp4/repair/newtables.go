package repair

import "github.com/gospool/spool/pipeline/isobmff"

// keptTicks returns the duration from the start of the first to the end of the last kept sample,
// in ticks of the track, including the samples left out between them.
func (s *sampleTable) keptTicks() int64 {
	first, last := -1, -1
	for i, keep := range s.keep {
		if keep {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		return 0
	}
	return s.dts[last+1] - s.dts[first]
}

// write appends stts, ctts, stss, stsz, stsc and co64 for the kept samples. Each sample lasts until
// the next kept sample, so that the times of all samples stay the same.
func (s *sampleTable) write(w *isobmff.Writer) {
	kept := make([]int, 0, len(s.keep))
	for i, keep := range s.keep {
		if keep {
			kept = append(kept, i)
		}
	}
	pairs := func(fourcc string, version byte, value func(k int) uint32) {
		at := w.OpenFull(fourcc, version, 0)
		count, entries := len(w.B), uint32(0)
		w.U32(0)
		for k := 0; k < len(kept); entries++ {
			n := k
			for k++; k < len(kept) && value(k) == value(n); k++ {
			}
			w.U32(uint32(k - n))
			w.U32(value(n))
		}
		w.Patch(count, entries)
		w.Close(at)
	}
	pairs("stts", 0, func(k int) uint32 {
		until := s.dts[kept[k]+1]
		if k+1 < len(kept) {
			until = s.dts[kept[k+1]]
		}
		return uint32(until - s.dts[kept[k]])
	})
	if len(s.offset) > 0 {
		pairs("ctts", s.version, func(k int) uint32 { return uint32(s.offset[kept[k]]) })
	}
	if len(s.sync) > 0 {
		at := w.OpenFull("stss", 0, 0)
		count := len(w.B)
		w.U32(0)
		for k, i := range kept {
			if s.sync[i] {
				w.U32(uint32(k + 1))
			}
		}
		w.Patch(count, uint32(len(w.B)-count-4)/4)
		w.Close(at)
	}
	at := w.OpenFull("stsz", 0, 0)
	w.U32(0)
	w.U32(uint32(len(kept)))
	for _, i := range kept {
		w.U32(s.size[i])
	}
	w.Close(at)
	s.writePlaces(w, kept)
}

// writePlaces appends stsc and co64, with one ISO chunk for each contiguous run of kept samples.
func (s *sampleTable) writePlaces(w *isobmff.Writer, kept []int) {
	var chunks []int64
	at := w.OpenFull("stsc", 0, 0)
	count, entries, before := len(w.B), uint32(0), [2]uint32{}
	w.U32(0)
	for k := 0; k < len(kept); {
		first := k
		for k++; k < len(kept) && s.follows(kept[k-1], kept[k]); k++ {
		}
		chunks = append(chunks, s.at[kept[first]])
		now := [2]uint32{uint32(k - first), s.description[kept[first]]}
		if now != before {
			w.U32(uint32(len(chunks)))
			w.U32(now[0])
			w.U32(now[1])
			entries, before = entries+1, now
		}
	}
	w.Patch(count, entries)
	w.Close(at)
	at = w.OpenFull("co64", 0, 0)
	w.U32(uint32(len(chunks)))
	for _, c := range chunks {
		w.U64(uint64(c))
	}
	w.Close(at)
}

// follows reports whether sample b begins where sample a ends and has the same description.
func (s *sampleTable) follows(a, b int) bool {
	return s.at[a]+int64(s.size[a]) == s.at[b] && s.description[a] == s.description[b]
}
