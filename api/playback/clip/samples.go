package clip

import (
	"errors"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/isobmff/index"
	"github.com/gospool/spool/pipeline/media"
)

// movieTimescale is that of the edit lists of recordings (package mp4).
const movieTimescale = 90000

// shift returns the ticks to add to the decode times that the index has for a track, so that they are the same while the
// file grows and afterwards: the edit list of a finished file rounds the begin of a track to ticks of the movie.
func (r *Recording) shift(track int) (int64, error) {
	var first isobmff.Sample
	if ok, err := r.index.Samples(track, 0).Next(&first); !ok {
		return 0, err
	}
	own := r.index.Tracks[track].Timescale
	begin := first.DTS + int64(first.OffsetTicks)
	if begin <= 0 {
		return 0, nil
	}
	return media.Rescale(media.Rescale(begin, own, movieTimescale), movieTimescale, own) - begin, nil
}

// Range returns the samples of a track, from number first up to but not including end, that must be decoded to present
// it from one time up to another, in ticks of the track: see index.Index.Span.
func (r *Recording) Range(track int, fromTicks, toTicks int64) (first, end int64, err error) {
	shift := r.Tracks[track].shiftTicks
	return r.index.Span(track, less(fromTicks, shift), less(toTicks, shift))
}

// less returns ticks-shift without an overflow.
func less(ticks, shift int64) int64 {
	const most = int64(1) << 62
	return min(max(ticks, -most), most) - shift
}

// Cursor reads samples of a track in decoding order. It is not safe for concurrent use.
type Cursor struct {
	c     *index.Cursor
	shift int64
	left  int64 // samples to come
}

// Samples returns a cursor over the samples of a track from number first up to but not including end.
func (r *Recording) Samples(track int, first, end int64) *Cursor {
	return &Cursor{r.index.Samples(track, first), r.Tracks[track].shiftTicks, end - first}
}

// Next reads the next sample into s. ok is false behind the last one, and with an error. The error is
// index.ErrDamaged, or that of a read.
func (c *Cursor) Next(s *isobmff.Sample) (ok bool, err error) {
	if c.left <= 0 {
		return false, nil
	}
	c.left--
	if ok, err = c.c.Next(s); ok {
		s.DTS += c.shift
	}
	return ok, err
}

// Columns reads the next samples as columns, at least 1, and none behind the last one: see index.Cursor.Columns.
func (c *Cursor) Columns() (k index.Columns, err error) {
	if c.left <= 0 {
		return k, nil
	}
	k, err = c.c.Columns(c.left)
	c.left -= int64(len(k.Sizes))
	k.DTS += c.shift
	return k, err
}

// Mended calls use, and calls it once more with a new index if the stored one turns out to be damaged.
func (r *Recording) Mended(use func() error) error {
	err := use()
	if !errors.Is(err, index.ErrDamaged) || r.File.Growing {
		return err
	}
	if r.stored != nil {
		if err := r.stored.Close(); err != nil {
			return err
		}
		r.stored = nil
	}
	if err := r.openIndex(true); err != nil {
		return err
	}
	r.Tracks = nil
	if err := r.describe(); err != nil {
		return err
	}
	return use()
}
