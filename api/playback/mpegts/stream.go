package mpegts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/api/playback/movie"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/mpegts"
)

// Stream is a movie as a transport stream. It is immutable.
type Stream struct {
	// LeftOut names the tracks that MPEG-TS cannot hold, as in "audio flac, metadata"; empty: none.
	LeftOut string

	m      *movie.Movie
	tracks []track
}

// track is a track of the movie.
type track struct {
	movie.Track
	forms []*mpegts.Form // of the sample entries; nil: the samples are left out
}

// carried returns the first form of a track, or nil if the stream does not have the track.
func (t *track) carried() *mpegts.Form {
	for _, f := range t.forms {
		if f != nil {
			return f
		}
	}
	return nil
}

// maxTracks bounds the tracks of a stream.
const maxTracks = 8

// ErrNothing reports that MPEG-TS can hold no track of a movie.
var ErrNothing = errors.New("MPEG-TS can hold none of the tracks")

// New returns the stream of a movie. The error wraps ErrNothing.
func New(m *movie.Movie) (*Stream, error) {
	s := &Stream{m: m}
	var left []string
	number := 0
	for _, t := range m.Tracks() {
		one := track{Track: t}
		for _, entry := range t.Entries {
			f, name, err := formOf(entry, t.Timescale)
			if err == nil && number == maxTracks {
				f, err = nil, mpegts.ErrNotCarried
			}
			if err != nil {
				left = append(left, fmt.Sprintf("%s %s", t.Kind, name))
			}
			one.forms = append(one.forms, f)
		}
		if one.carried() != nil {
			number++
		}
		s.tracks = append(s.tracks, one)
	}
	s.LeftOut = strings.Join(left, ", ")
	if number == 0 {
		return nil, fmt.Errorf("%w: %s", ErrNothing, s.LeftOut)
	}
	return s, nil
}

// formOf returns the form of a sample entry. The name of its codec is for texts.
func formOf(entry []byte, timescale uint32) (f *mpegts.Form, name string, err error) {
	t, err := codec.ReadSampleEntry(append(make([]byte, 8), entry...), timescale)
	if err != nil {
		return nil, fmt.Sprintf("%.4q", entry[4:8]), err
	}
	f, err = mpegts.FormOf(&t)
	return f, t.Codec.String(), err
}

// WriteTo writes the stream. Its memory is that of one access unit and 64 KiB.
func (s *Stream) WriteTo(ctx context.Context, library *clip.Library, out io.Writer) error {
	w, err := newWriter(s.tracks, out)
	if err != nil {
		return err
	}
	if err := s.m.Walk(ctx, library, w.add); err != nil {
		return err
	}
	return w.mux.Flush()
}

// at90k returns a time in ticks of 90 kHz.
func at90k(ticks int64, timescale uint32) int64 { return media.Rescale(ticks, timescale, mpegts.Clock) }
