package hls

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"io/fs"
	"net/http"
	"strings"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/api/playback/movie"
	"github.com/gospool/spool/pipeline/media"
)

// ServeInit answers a request with the initialisation segment of a recording of a stream. It returns an error if
// it has not answered: fs.ErrNotExist if there is none, or that of Catalogue.Record.
func (l *Lists) ServeInit(w http.ResponseWriter, r *http.Request, stream string, id media.ID) error {
	c, leave, err := l.enter(r.Context(), stream, id)
	if err != nil {
		return err
	}
	defer leave()
	content, err := l.initOf(r.Context(), c)
	if errors.Is(err, ErrNoRanges) {
		return errors.Join(err, fs.ErrNotExist)
	}
	if err != nil {
		return err
	}
	l.send(w, r, c, crc32.ChecksumIEEE(content), stream, io.NewSectionReader(bytes.NewReader(content), 0, int64(len(content))))
	return nil
}

// ServeMade answers a request with a segment that is made of the samples of a recording of a stream. name is that in
// the playlist. It returns an error if it has not answered: fs.ErrNotExist if there is none, or that of Catalogue.Record.
func (l *Lists) ServeMade(w http.ResponseWriter, r *http.Request, stream string, id media.ID, name string) error {
	s, err := parseName(name)
	if err != nil {
		return errors.Join(err, fs.ErrNotExist)
	}
	c, leave, err := l.enter(r.Context(), stream, id)
	if err != nil {
		return err
	}
	defer leave()
	m, err := l.mapped(r.Context(), c)
	if err == nil && m.made == nil {
		err = fmt.Errorf("the segments of recording %s are ranges of its file: %w", id, fs.ErrNotExist)
	}
	if err != nil {
		return err
	}
	recording, err := l.Library.Open(c.ID, c.Path)
	if err != nil {
		return err
	}
	defer recording.Close()
	content, mark, err := m.made.movie.Fragment(recording, s.First, s.End, s.KeyOnly)
	if errors.Is(err, movie.ErrNoFragment) {
		return errors.Join(err, fs.ErrNotExist)
	}
	if err != nil {
		return err
	}
	l.send(w, r, c, mark, stream, content)
	return nil
}

// enter returns the whole of a recording of a stream as a clip, and keeps its file until leave is called.
func (l *Lists) enter(ctx context.Context, stream string, id media.ID) (c *clip.Clip, leave func(), err error) {
	row, err := l.Catalogue.Record(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	path := strings.TrimSuffix(row.Path, media.PartSuffix)
	if row.Stream != stream || !row.State.Here() || row.Elsewhere {
		return nil, nil, fmt.Errorf("recording %s of %s: %w", id, stream, fs.ErrNotExist)
	}
	if leave, err = l.Readers.Reading(path); err != nil {
		return nil, nil, err
	}
	c = &clip.Clip{ID: id, Path: path, Growing: row.Growing(), Mended: row.State == media.StateRecovered}
	return c, leave, nil
}

// initOf returns the initialisation segment of a recording.
func (l *Lists) initOf(ctx context.Context, c *clip.Clip) ([]byte, error) {
	if m := l.maps.get(c.ID, c.Path); m != nil && m.made != nil {
		return m.made.init, nil
	}
	f, err := l.Library.Files.Open(c.Path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if err := l.Library.Belongs(f.File, c.Path, c.ID); err != nil {
		return nil, err
	}
	found, err := FindInit(f, f.Size)
	if err == nil {
		content := make([]byte, found.SizeBytes())
		_, err = io.ReadFull(found.Reader(f), content)
		return content, err
	}
	if !errors.Is(err, ErrNoRanges) {
		return nil, err
	}
	m, err := l.mapped(ctx, c)
	if err == nil && m.made == nil {
		err = fmt.Errorf("%w, and had none", ErrNoRanges)
	}
	if err != nil {
		return nil, err
	}
	return m.made.init, nil
}

// send sends media of a recording of a stream with ranges and conditions. mark is a checksum of it.
func (l *Lists) send(w http.ResponseWriter, r *http.Request, c *clip.Clip, mark uint32, stream string, content *io.SectionReader) {
	w.Header().Set("ETag", fmt.Sprintf(`"%s-%08x"`, c.ID, mark))
	if err := playback.SendSection(w, r, content, l.Stall, l.Refuse); err != nil {
		l.Failed(stream, err)
	}
}
