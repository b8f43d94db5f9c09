package mp4

import (
	"encoding/binary"
	"math"
	"strings"

	"github.com/gospool/spool/pipeline/media"
)

// newMoov writes the moov again with the tables of what is kept. What describes
// the tracks is copied as it is; a track of which nothing is left is not in it.
func (x *foreign) newMoov(tables []sampleTable) []byte {
	var w boxes
	movie := movieScale(find(x.moov, "mvhd"))
	copies, longest := make([]trakCopy, len(tables)), int64(0)
	for i := range tables {
		c := trakCopy{table: &tables[i], ticks: tables[i].keptTicks()}
		if movie > 0 {
			c.duration = media.Rescale(c.ticks, x.tracks[i].timescale, movie)
		}
		longest = max(longest, c.duration)
		copies[i] = c
	}
	moov := w.open("moov")
	n := 0 // tracks with an unreadable trak are not among x.tracks
	children(x.moov, func(fourcc string, b []byte) bool {
		switch {
		case fourcc == "mvhd":
			w.timed(fourcc, b, longest, 12)
		case fourcc != "trak":
			w.child(fourcc, b)
		case n < len(tables) && len(b) > 0 && &b[0] == &x.tracks[n].trak[0]:
			if copies[n].ticks > 0 {
				copies[n].write(&w, fourcc, b)
			}
			n++
		}
		return true
	})
	w.close(moov)
	return w.b
}

func movieScale(mvhd []byte) uint32 {
	at := 12
	if len(mvhd) > 0 && mvhd[0] == 1 {
		at = 20
	}
	if len(mvhd) < at+4 {
		return 0
	}
	return binary.BigEndian.Uint32(mvhd[at:])
}

// keptTicks is the duration of the samples that are kept, gaps among them
// included.
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

func (w *boxes) child(fourcc string, b []byte) {
	at := w.open(fourcc)
	w.b = append(w.b, b...)
	w.close(at)
}

// timed copies a header box with another duration, which is after version and
// flags, two times and, for version 0, skip more bytes less 8.
func (w *boxes) timed(fourcc string, b []byte, duration int64, skip int) {
	at := w.open(fourcc)
	from := len(w.b)
	w.b = append(w.b, b...)
	w.close(at)
	own := w.b[from:]
	if len(b) > 0 && b[0] == 1 {
		if skip += 12; len(b) >= skip+8 {
			binary.BigEndian.PutUint64(own[skip:], uint64(duration))
		}
		return
	}
	if skip += 4; len(b) >= skip+4 {
		binary.BigEndian.PutUint32(own[skip:], uint32(min(duration, math.MaxUint32)))
	}
}

// trakCopy is a trak on its way into another moov, with another table and other
// durations.
type trakCopy struct {
	table    *sampleTable
	ticks    int64 // of what is kept
	duration int64 // the same, movie ticks
	tabled   bool  // the table is written: a second stbl is none
}

// write copies the box at a path from the trak on. Those that hold durations and
// the table are written anew.
func (c *trakCopy) write(w *boxes, path string, b []byte) {
	fourcc := path[max(strings.LastIndexByte(path, '/')+1, 0):]
	switch path {
	case "trak", "trak/mdia", "trak/mdia/minf", "trak/edts":
		at := w.open(fourcc)
		children(b, func(fourcc string, b []byte) bool {
			c.write(w, path+"/"+fourcc, b)
			return true
		})
		w.close(at)
	case "trak/tkhd":
		w.timed(fourcc, b, c.duration, 16)
	case "trak/mdia/mdhd":
		w.timed(fourcc, b, c.ticks, 12)
	case "trak/edts/elst":
		w.edits(b, c.duration)
	case "trak/mdia/minf/stbl":
		if c.tabled {
			return
		}
		c.tabled = true
		at := w.open(fourcc)
		w.child("stsd", find(b, "stsd"))
		c.table.write(w)
		w.close(at)
	default:
		w.child(fourcc, b)
	}
}

// edits copies an edit list, none of its entries longer than the track is now.
func (w *boxes) edits(b []byte, duration int64) {
	at := w.open("elst")
	from := len(w.b)
	w.b = append(w.b, b...)
	w.close(at)
	own := w.b[from:]
	if len(own) < 8 {
		return
	}
	step := 12
	if own[0] == 1 {
		step = 20
	}
	for e := own[8:]; len(e) >= step; e = e[step:] {
		if own[0] == 1 {
			binary.BigEndian.PutUint64(e, min(binary.BigEndian.Uint64(e), uint64(duration)))
		} else {
			binary.BigEndian.PutUint32(e, uint32(min(int64(binary.BigEndian.Uint32(e)), duration)))
		}
	}
}

// write appends the tables of the samples that are kept. One whose successor is
// not lasts until the next that is.
func (s *sampleTable) write(w *boxes) {
	kept := make([]int, 0, len(s.keep))
	for i, keep := range s.keep {
		if keep {
			kept = append(kept, i)
		}
	}
	pairs := func(fourcc string, version byte, value func(k int) uint32) {
		at := w.full(fourcc, version, 0)
		count, entries := len(w.b), uint32(0)
		w.u32(0)
		for k := 0; k < len(kept); entries++ {
			n := k
			for k++; k < len(kept) && value(k) == value(n); k++ {
			}
			w.u32(uint32(k - n))
			w.u32(value(n))
		}
		w.patch(count, entries)
		w.close(at)
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
		at := w.full("stss", 0, 0)
		count := len(w.b)
		w.u32(0)
		for k, i := range kept {
			if s.sync[i] {
				w.u32(uint32(k + 1))
			}
		}
		w.patch(count, uint32(len(w.b)-count-4)/4)
		w.close(at)
	}
	at := w.full("stsz", 0, 0)
	w.u32(0)
	w.u32(uint32(len(kept)))
	for _, i := range kept {
		w.u32(s.size[i])
	}
	w.close(at)
	s.writePlaces(w, kept)
}

// writePlaces makes a chunk of every run of samples without a gap between them.
func (s *sampleTable) writePlaces(w *boxes, kept []int) {
	var chunks []int64
	at := w.full("stsc", 0, 0)
	count, entries, before := len(w.b), uint32(0), [2]uint32{}
	w.u32(0)
	for k := 0; k < len(kept); {
		first := k
		for k++; k < len(kept) && s.follows(kept[k-1], kept[k]); k++ {
		}
		chunks = append(chunks, s.at[kept[first]])
		now := [2]uint32{uint32(k - first), s.description[kept[first]]}
		if now != before {
			w.u32(uint32(len(chunks)))
			w.u32(now[0])
			w.u32(now[1])
			entries, before = entries+1, now
		}
	}
	w.patch(count, entries)
	w.close(at)
	at = w.full("co64", 0, 0)
	w.u32(uint32(len(chunks)))
	for _, c := range chunks {
		w.u64(uint64(c))
	}
	w.close(at)
}

func (s *sampleTable) follows(a, b int) bool {
	return s.at[a]+int64(s.size[a]) == s.at[b] && s.description[a] == s.description[b]
}
