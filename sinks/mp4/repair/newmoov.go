package repair

import (
	"strings"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// newMoov writes the moov with the tables of the kept samples. It copies the description of the
// tracks, and leaves out a track without kept samples.
func (x *damagedFile) newMoov(tables []sampleTable) []byte {
	var w isobmff.Writer
	movie, _ := isobmff.ReadMvhd(isobmff.Find(x.moov, "mvhd"))
	copies, longest := make([]trakCopy, len(tables)), int64(0)
	for i := range tables {
		c := trakCopy{table: &tables[i], ticks: tables[i].keptTicks()}
		if movie.Timescale > 0 {
			c.movieTicks = media.Rescale(c.ticks, x.tracks[i].timescale, movie.Timescale)
		}
		longest = max(longest, c.movieTicks)
		copies[i] = c
	}
	moov := w.Open("moov")
	n := 0 // tracks with an unreadable trak are not among x.tracks
	for boxes := isobmff.Walk(x.moov); boxes.Next(); {
		fourcc, b := boxes.Type.String(), boxes.Payload
		switch {
		case fourcc == "mvhd":
			timed(&w, fourcc, b, longest)
		case fourcc != "trak":
			w.Box(fourcc, b)
		case n < len(tables) && len(b) > 0 && &b[0] == &x.tracks[n].trak[0]:
			if copies[n].ticks > 0 {
				copies[n].write(&w, fourcc, b)
			}
			n++
		}
	}
	w.Close(moov)
	return w.B
}

// timed copies a header box and changes its duration, ticks.
func timed(w *isobmff.Writer, fourcc string, b []byte, duration int64) {
	at := w.Open(fourcc)
	w.Append(b)
	w.Close(at)
	isobmff.SetDuration(fourcc, w.B[len(w.B)-len(b):], uint64(duration))
}

// trakCopy copies a trak into another moov, with another table and other durations.
type trakCopy struct {
	table      *sampleTable
	ticks      int64 // of the kept samples
	movieTicks int64 // the same, movie ticks
	tabled     bool  // the table is written: a second stbl is dropped
}

// write copies the box at a path from the trak on. It rewrites the boxes with durations and the
// table.
func (c *trakCopy) write(w *isobmff.Writer, path string, b []byte) {
	fourcc := path[max(strings.LastIndexByte(path, '/')+1, 0):]
	switch path {
	case "trak", "trak/mdia", "trak/mdia/minf", "trak/edts":
		at := w.Open(fourcc)
		for boxes := isobmff.Walk(b); boxes.Next(); {
			c.write(w, path+"/"+boxes.Type.String(), boxes.Payload)
		}
		w.Close(at)
	case "trak/tkhd":
		timed(w, fourcc, b, c.movieTicks)
	case "trak/mdia/mdhd":
		timed(w, fourcc, b, c.ticks)
	case "trak/edts/elst":
		edits(w, b, c.movieTicks)
	case "trak/mdia/minf/stbl":
		if c.tabled {
			return
		}
		c.tabled = true
		at := w.Open(fourcc)
		w.Box("stsd", isobmff.Find(b, "stsd"))
		c.table.write(w)
		w.Close(at)
	default:
		w.Box(fourcc, b)
	}
}

// edits copies an edit list and clips its entries to the track's new duration.
func edits(w *isobmff.Writer, b []byte, duration int64) {
	at := w.Open("elst")
	w.Append(b)
	w.Close(at)
	isobmff.ClipEdits(w.B[len(w.B)-len(b):], uint64(duration))
}
