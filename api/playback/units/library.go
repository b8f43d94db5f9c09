package units

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/media/footage"
)

// Library has the recordings of streams; it implements footage.Library.
type Library struct {
	Recordings *clip.Library
	Catalogue  clip.Catalogue
	Readers    *playback.Readers // delay the deletion of a file while it is read

	turns chan struct{} // holds a token for each recording that is being opened
}

// maxTurns bounds the recordings that are opened at once: the index of a file that grows is made for each client, and takes processor and
// memory.
const maxTurns = 4

// New returns a Library of the recordings in a catalogue. readers delay the deletion of a file while it is read.
func New(recordings *clip.Library, catalogue clip.Catalogue, readers *playback.Readers) Library {
	return Library{recordings, catalogue, readers, make(chan struct{}, maxTurns)}
}

// Extent describes the footage of a stream: see footage.Library.
func (l *Library) Extent(ctx context.Context, stream string, atUTC int64) (e footage.Extent, err error) {
	s := search{l.Catalogue, stream}
	oldest, err := s.covering(ctx, footage.Oldest)
	if err != nil {
		return e, err
	}
	newest, last, err := l.newest(ctx, s)
	if err != nil {
		return e, err
	}
	if oldest == nil || newest == nil {
		return e, footage.ErrNone
	}
	e.BeginUTC, e.Set, e.Growing = oldest.UTC(0), last.set, newest.Growing
	e.EndUTC, err = last.endUTC()
	if err = errors.Join(err, last.Close()); err != nil || atUTC >= newest.UTC(0) {
		return e, err
	}
	there, err := s.covering(ctx, atUTC)
	if err != nil || there == nil {
		return e, err
	}
	at, err := l.open(ctx, there)
	if err != nil {
		return e, err
	}
	e.Set = at.set
	return e, at.Close()
}

// newest opens the newest recording that has media; nil: there is none.
func (l *Library) newest(ctx context.Context, s search) (c *clip.Clip, _ *section, err error) {
	at := footage.Newest
	for range maxGone {
		if c, err = s.preceding(ctx, at); c == nil || err != nil {
			return nil, nil, err
		}
		last, err := l.open(ctx, c)
		if err == nil || ctx.Err() != nil || !c.Growing && !gone(err) {
			return c, last, err
		}
		at = earliest(c)
	}
	return nil, nil, nil
}

// Open returns a reader of a span: see footage.Library.
func (l *Library) Open(stream string, s footage.Span) footage.Reader {
	return &reader{library: l, search: search{l.Catalogue, stream}, span: s}
}

// gone reports whether an error says that a recording was deleted, or is being deleted.
func gone(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, playback.ErrBusy) }

// open opens the recording of a clip, when it has its turn.
func (l *Library) open(ctx context.Context, c *clip.Clip) (*section, error) {
	leave, err := l.Readers.Reading(c.Path)
	if err != nil {
		return nil, err
	}
	r, err := l.index(ctx, c)
	if err != nil {
		leave()
		return nil, err
	}
	s := &section{Clip: *c, recording: r, leave: leave}
	if err := s.describe(); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", c.Path, err), s.Close())
	}
	return s, nil
}

// index opens the file of a clip and its index, which may have to be made.
func (l *Library) index(ctx context.Context, c *clip.Clip) (*clip.Recording, error) {
	select {
	case l.turns <- struct{}{}:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	defer func() { <-l.turns }()
	return l.Recordings.Open(c.ID, c.Path)
}
