package movie

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// Options selects how a movie is made of its clips.
type Options struct {
	KeepGaps bool // a gap lasts as long as it did
	// Wants reports whether a track of a recording is in the movie. number counts the tracks of the same kind in the
	// recording, from 1. nil: all tracks are.
	Wants func(kind media.Kind, number int) bool
	Clock bool // the movie has a track of text with the wall clock
	// Split ends the movie before the first clip whose description of a track differs, such as its resolution.
	Split bool
}

// Movie is the plan of a virtual file. It is immutable, and holds no file open.
type Movie struct {
	SizeBytes  int64
	ETag       string // strong (RFC 9110, 8.8.3)
	StartUTC   int64  // wall clock of the first picture, ns UTC
	DurationNS int64  // of the movie
	Gaps       []Gap
	NextUTC    int64 // with Options.Split: wall clock at which the rest of the span begins; 0: there is none

	clock   *clock // nil without Options.Clock
	options Options
	sources []source
	tracks  []track
	sheet   sheet
}

// Gap is a loss between two clips.
type Gap struct {
	AtNS       int64 // time in the movie at which the clip after the gap begins
	DurationNS int64 // by the wall clock
	Cause      media.Cause
}

// source is the file of a clip.
type source struct {
	id     media.ID
	path   string
	joined bool
	cause  media.Cause
	// Bounds of the clip's bytes in the file, if all tracks of the recording are in the movie. The file's bytes between
	// them are in the movie unchanged. If not all are, the movie has the samples of each wanted track only, and both are 0.
	fromByte, toByte int64
	mediaAt          int64 // offset of these bytes in the movie
	beginTicks       int64 // time in the movie at which the clip begins, ticks of the lead track; set by the layout
	origin           int64 // time in the movie of media time 0, ticks of the lead track; set by the layout
	shownUTC, endUTC int64 // wall clock of the begin of the clip's first picture, and of the end of its last one
	zeroUTC          int64 // wall clock of media time 0, as the layout uses it; see zero
}

// ErrNothing reports that no sample is presented in the clips. ErrNoTrack, which wraps it, reports that no track of the
// clips is wanted.
var (
	ErrNothing = errors.New("no footage of the stream is in the span")
	ErrNoTrack = fmt.Errorf("%w in the tracks that are asked for", ErrNothing)
)

// MissingError reports that the recording of a clip cannot be read.
type MissingError struct {
	Clip int // index of the clip
	Err  error
}

func (e *MissingError) Error() string { return e.Err.Error() }

// Unwrap returns e.Err.
func (e *MissingError) Unwrap() error { return e.Err }

// Clips returns the number of clips in the movie.
func (m *Movie) Clips() int { return len(m.sources) }

// Paths returns the files of the movie, below the record directory.
func (m *Movie) Paths() iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range m.sources {
			if !yield(m.sources[i].path) {
				return
			}
		}
	}
}

// Recordings returns the recordings of the movie, in order.
func (m *Movie) Recordings() iter.Seq[media.ID] {
	return func(yield func(media.ID) bool) {
		for i := range m.sources {
			if !yield(m.sources[i].id) {
				return
			}
		}
	}
}

// maxEntries bounds the sample entries of a track, so that a camera that changes its description all the time makes no plan of any size.
const maxEntries = 4096

// Plan makes the plan of the file of some clips. The errors are ErrNothing, ErrNoTrack, those of Library.Open, and a text for a span that one file cannot hold.
func (k *Counts) Plan(ctx context.Context, library *clip.Library, clips []clip.Clip, o Options) (*Movie, error) {
	m := &Movie{options: o}
	for i := range clips {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if err := m.add(library, k, &clips[i]); err != nil {
			return nil, &MissingError{i, err}
		}
		if m.NextUTC != 0 {
			break
		}
	}
	switch {
	case len(m.sources) == 0 && o.Wants != nil:
		return nil, ErrNoTrack
	case len(m.sources) == 0:
		return nil, ErrNothing
	}
	if err := m.layOut(); err != nil {
		return nil, err
	}
	if o.Clock {
		m.layClock()
	}
	if err := m.compose(); err != nil {
		return nil, err
	}
	m.ETag = m.etag()
	return m, nil
}

// track is a track of the movie.
type track struct {
	kind          media.Kind
	number        int // among the tracks of the kind, from 1
	id            uint32
	handler       isobmff.FourCC
	timescale     uint32
	language      string
	width, height uint32
	volume        int16
	roll          int16
	entries       [][]byte
	parts         []part

	originTicks int64 // time in the movie of the track's first sample's decode time; set by the layout
	startTicks  int64 // time in the movie at which the track is first presented
	endTicks    int64 // time in the movie at which the track ends
}

// describe returns the number of a sample entry, from 1, and adds it if the track does not have it.
func (t *track) describe(entry []byte) (uint32, error) {
	for i := range t.entries {
		if string(t.entries[i]) == string(entry) {
			return uint32(i + 1), nil
		}
	}
	if len(t.entries) == maxEntries {
		return 0, fmt.Errorf("the span has more than %d descriptions of one track: ask for a shorter one", maxEntries)
	}
	t.entries = append(t.entries, entry)
	return uint32(len(t.entries)), nil
}

// scaled reports that a part's times are converted to the timescale of its track.
func (t *track) scaled(p *part) bool { return p.timescale != t.timescale }

func (t *track) samples() (n int64) {
	for i := range t.parts {
		n += t.parts[i].samples()
	}
	return n
}
