package mpegts

import (
	"fmt"
	"io"

	"github.com/gospool/spool/api/playback/movie"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/mpegts"
)

// writer writes one stream.
type writer struct {
	tracks []written
	mux    *mpegts.Muxer

	begun bool
	zero  int64 // time in the stream of time 0 of the movie
	least int64 // least composition offset of all tracks, at most 0
	in    []byte
}

// written is a track of the stream.
type written struct {
	track
	number int          // in the muxer
	form   *mpegts.Form // the present one; nil: the stream does not have the track
	entry  uint32       // of the last sample; 0: none
	least  int64        // ticks of the track by which decode times are earlier than in the movie, at most 0
}

func newWriter(tracks []track, out io.Writer) (*writer, error) {
	w := &writer{mux: mpegts.NewMuxer(out)}
	var carried []mpegts.Track
	for i := range tracks {
		t := written{track: tracks[i], number: len(carried), form: tracks[i].carried(), least: min(tracks[i].LeastOffsetTicks, 0)}
		w.least = min(w.least, at90k(t.least, t.Timescale))
		w.tracks = append(w.tracks, t)
		if t.form != nil {
			carried = append(carried, mpegts.Track{Form: t.form, Kind: t.Kind, Language: t.Language})
		}
	}
	return w, w.mux.SetTracks(carried)
}

// add writes the PES packet of a sample: see movie.Walk.
func (w *writer) add(s *movie.Sample, file io.ReaderAt) error {
	if s == nil {
		return nil
	}
	t := &w.tracks[s.Track]
	form := t.forms[s.Entry-1]
	if form == nil {
		return nil
	}
	if err := w.read(s, t, file); err != nil {
		return err
	}
	if !w.begun {
		w.begun = true
		w.zero = mpegts.Begin - w.least - at90k(s.DTS, t.Timescale)
	}
	if t.entry != 0 && t.entry != s.Entry || form != t.form {
		w.mux.SetForm(t.number, form)
	}
	t.entry, t.form = s.Entry, form
	err := w.mux.Write(t.number, &mpegts.Unit{
		DTS: w.zero + at90k(s.DTS+t.least, t.Timescale), PTS: w.zero + at90k(s.PTS, t.Timescale), Sync: s.Sync, Data: w.in,
	})
	if err != nil {
		return fmt.Errorf("sample at byte %d of its file: %w", s.At, err)
	}
	return nil
}

// read reads a sample.
func (w *writer) read(s *movie.Sample, t *written, file io.ReaderAt) error {
	if s.SizeBytes > media.MaxAccessUnitBytes {
		return fmt.Errorf("a sample of %s has %d bytes, and %d are the most that is read", t.Kind, s.SizeBytes, int64(media.MaxAccessUnitBytes))
	}
	if cap(w.in) < int(s.SizeBytes) {
		w.in = make([]byte, s.SizeBytes)
	}
	w.in = w.in[:s.SizeBytes]
	if n, err := file.ReadAt(w.in, s.At); n < len(w.in) {
		return err
	}
	return nil
}
