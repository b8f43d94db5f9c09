package mediamtx

import (
	"errors"
	"io/fs"
	"slices"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/api/playback/movie"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// span is an interval of the wall clock with footage, ns UTC.
type span struct{ startUTC, endUTC int64 }

// joiner makes the spans of a list from the rows of the catalogue, page by page: the oldest rows first.
type joiner struct {
	bounds clip.Span
	// settled returns the media time of a growing recording up to which it is listed: see play.Player.Settled.
	settled func(*clip.Clip) (ns int64, err error)
	emit    func(span) error // gets each span when it is complete

	last    []media.Record // the row of the last clip so far, or none
	covered int64          // the end of that recording on the wall clock
	open    span           // the span that may go on; empty: none
}

// add takes the next page.
func (j *joiner) add(page []media.Record) error {
	rows := append(slices.Clone(j.last), page...)
	byID := make(map[media.ID]*media.Record, len(rows))
	for i := range rows {
		byID[rows[i].ID] = &rows[i]
	}
	for _, c := range clip.Select(rows, j.bounds) {
		if len(j.last) > 0 && j.last[0].ID == c.ID {
			continue
		}
		if err := j.take(&c, byID[c.ID]); err != nil {
			return err
		}
	}
	return nil
}

// take takes the next clip.
func (j *joiner) take(c *clip.Clip, row *media.Record) error {
	begin, end := clip.Wall(row)
	joined := c.Joined && len(j.last) > 0
	s := span{max(begin, j.bounds.StartUTC), min(end, j.bounds.EndUTC)}
	if len(j.last) > 0 && !joined {
		s.startUTC = max(s.startUTC, j.covered)
	}
	if c.Growing {
		ns, err := j.settled(c)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, movie.ErrNothing):
			return nil // it was deleted meanwhile, or it has no whole frame yet
		case err != nil:
			return err
		}
		s.endUTC = min(c.UTC(ns), j.bounds.EndUTC)
	}
	if joined && !redescribed(&j.last[0], row) && j.open.startUTC < j.open.endUTC {
		j.open.endUTC = max(j.open.endUTC, s.endUTC)
	} else if err := j.flush(); err != nil {
		return err
	} else {
		j.open = s
	}
	kept := *row
	kept.Events, kept.Beyond, kept.Gaps = nil, nil, nil
	j.last, j.covered = []media.Record{kept}, end
	return nil
}

// redescribed reports whether a player of the footage up to a recording may not be able to play on in it: the answer to a request for the
// footage ends between them.
func redescribed(before, r *media.Record) bool {
	return before.EndReason == endcause.TracksChanged || !slices.Equal(before.Tracks, r.Tracks)
}

// flush ends the open span.
func (j *joiner) flush() error {
	s := j.open
	j.open = span{}
	if s.startUTC >= s.endUTC {
		return nil
	}
	return j.emit(s)
}
