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
	at, err := l.open(there)
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
		last, err := l.open(c)
		if err == nil || !c.Growing && !gone(err) {
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

// open opens the recording of a clip.
func (l *Library) open(c *clip.Clip) (*section, error) {
	leave, err := l.Readers.Reading(c.Path)
	if err != nil {
		return nil, err
	}
	r, err := l.Recordings.Open(c.ID, c.Path)
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
