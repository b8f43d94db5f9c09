package movie

import (
	"context"
	"errors"
	"io"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// Sample is a sample of a movie, in the order of Walk.
type Sample struct {
	Track         int    // index in Tracks
	Entry         uint32 // number of the sample entry, from 1
	Clip          int    // number of the clip, from 0
	DTS, PTS      int64  // time in the movie, ticks of the track
	DurationTicks int64
	Sync          bool
	Hidden        bool // the sample is decoded, and not presented
	SizeBytes     uint32
	At            int64 // offset in the clip's file
}

// Track describes a track of a movie.
type Track struct {
	Kind      media.Kind
	Timescale uint32
	Language  string
	Entries   [][]byte // the sample entries, complete boxes
	// LeastOffsetTicks is the least difference of a sample's PTS and DTS, at most 0.
	LeastOffsetTicks int64
}

// Tracks returns the tracks of the movie.
func (m *Movie) Tracks() []Track {
	out := make([]Track, len(m.tracks))
	for i := range m.tracks {
		t := &m.tracks[i]
		out[i] = Track{Kind: t.kind, Timescale: t.timescale, Language: t.language, Entries: t.entries}
		for k := range t.parts {
			p := &t.parts[k]
			out[i].LeastOffsetTicks = min(out[i].LeastOffsetTicks, media.Rescale(p.least, p.timescale, t.timescale))
		}
	}
	return out
}

// Walk calls each with the samples of the movie, one clip after another, and those of a clip by their decode times over all tracks. file has the
// sample's bytes. At the end of each clip s is nil. Both arguments are valid during the call. An error of each ends Walk, which returns it.
func (m *Movie) Walk(ctx context.Context, library *clip.Library, each func(s *Sample, file io.ReaderAt) error) error {
	for k := range m.sources {
		if err := m.walkClip(ctx, library, k, each); err != nil {
			return err
		}
	}
	return nil
}

func (m *Movie) walkClip(ctx context.Context, library *clip.Library, k int, each func(s *Sample, file io.ReaderAt) error) (err error) {
	r, err := library.OpenWhole(m.sources[k].id, m.sources[k].path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	file := io.ReaderAt(r.File.File)
	var heads []*walker
	for _, p := range m.placedIn(k) {
		w := &walker{placed: p, c: r.Samples(p.track, p.first, p.end), clip: k, scale: m.timescale()}
		if ok, err := w.next(); err != nil {
			return err
		} else if ok {
			heads = append(heads, w)
		}
	}
	for len(heads) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		first := 0
		for i, w := range heads {
			if w.at < heads[first].at {
				first = i
			}
		}
		if err := each(&heads[first].s, file); err != nil {
			return err
		}
		if ok, err := heads[first].next(); err != nil {
			return err
		} else if !ok {
			heads = append(heads[:first], heads[first+1:]...)
		}
	}
	return each(nil, file)
}

// walker walks the samples of a part.
type walker struct {
	placed
	c     *clip.Cursor
	clip  int
	scale uint32 // of the movie
	n     int64  // samples so far
	s     Sample
	at    int64 // decode time of s, ticks of the movie
}

// next sets s to the next sample.
func (w *walker) next() (ok bool, err error) {
	var x isobmff.Sample
	if ok, err = w.c.Next(&x); !ok {
		if err == nil && w.n != w.samples() {
			err = errChanged
		}
		return false, err
	}
	w.n++
	t := w.of
	w.s = Sample{
		Track: int(t.id - 1), Entry: w.entry, Clip: w.clip, Sync: x.Sync, SizeBytes: x.SizeBytes, At: x.At,
		DTS: t.out(w.part, x.DTS), PTS: t.out(w.part, x.DTS+int64(x.OffsetTicks)),
	}
	if w.s.DurationTicks = t.out(w.part, x.DTS+x.DurationTicks) - w.s.DTS; w.n == w.samples() {
		w.s.DurationTicks = w.lastTicks
	}
	w.s.Hidden = w.s.PTS+max(w.s.DurationTicks, 1) <= 0 || w.s.PTS >= t.endTicks
	w.at = media.Rescale(w.s.DTS, t.timescale, w.scale)
	return true, nil
}
