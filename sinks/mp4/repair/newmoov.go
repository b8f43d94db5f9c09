package repair

import (
	"strings"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// newMoov returns the moov box of the copy: the file's moov with the tables and the durations of the
// kept samples, without the tracks that have no kept sample. tables has one table for each of
// x.tracks.
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
	n := 0 // index in x.tracks of the next track; a track with an unreadable trak is not in x.tracks
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

// timed appends a copy of an mvhd, tkhd or mdhd with the payload b, and sets its duration. The
// duration is in the ticks that the box uses.
func timed(w *isobmff.Writer, fourcc string, b []byte, duration int64) {
	at := w.Open(fourcc)
	w.Append(b)
	w.Close(at)
	isobmff.SetDuration(fourcc, w.B[len(w.B)-len(b):], uint64(duration))
}

// trakCopy writes the copy of a trak into the new moov, with the sample tables and the duration
// of the kept samples.
type trakCopy struct {
	table      *sampleTable
	ticks      int64 // duration of the kept samples, in ticks of the track
	movieTicks int64 // the same duration in ticks of the movie
	tabled     bool  // an stbl was written: write leaves out any further one
}

// write appends a copy of one box of the trak. path has the types of the box and its parents, from
// the trak on; b is its payload. write changes the durations and replaces the sample tables.
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

// edits appends a copy of an elst with the payload b, and shortens entries that are longer than
// duration. duration is in ticks of the movie.
func edits(w *isobmff.Writer, b []byte, duration int64) {
	at := w.Open("elst")
	w.Append(b)
	w.Close(at)
	isobmff.ClipEdits(w.B[len(w.B)-len(b):], uint64(duration))
}
