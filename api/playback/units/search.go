package units

import (
	"context"
	"math"
	"time"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/footage"
)

// search finds the recordings of one stream, one after another.
type search struct {
	catalogue clip.Catalogue
	stream    string
}

// aroundNS is how far a search looks beyond a recording for one that continues it, or that it continues.
const aroundNS = int64(time.Hour)

// lookedAt bounds the rows without a file on this recorder that one search passes over.
const lookedAt = 10_000

// covering returns the clip that covers a moment of the wall clock, or else the first one behind it; nil: there is none.
func (s search) covering(ctx context.Context, utc int64) (*clip.Clip, error) {
	r, err := s.row(ctx, media.Query{Start: moment(utc), Ascending: true})
	if r == nil || err != nil {
		return nil, err
	}
	begin, _ := clip.Wall(r)
	list, err := s.clips(ctx, max(utc, begin), max(utc, begin)+aroundNS)
	if err != nil || len(list) == 0 {
		return nil, err
	}
	return &list[0], nil
}

// preceding returns the clip that covers the last moment before one of the wall clock, or else the last one before it; nil: there
// is none.
func (s search) preceding(ctx context.Context, utc int64) (*clip.Clip, error) {
	r, err := s.row(ctx, media.Query{End: moment(utc)})
	if r == nil || err != nil {
		return nil, err
	}
	begin, end := clip.Wall(r)
	if r.Growing() {
		end = utc
	}
	list, err := s.clips(ctx, min(begin, r.StartUTC), max(min(end, utc), begin+1))
	for i := len(list) - 1; i >= 0 && err == nil; i-- {
		if last := &list[i]; last.StartUTC < utc {
			last.FromNS = clip.Begin
			return last, nil
		}
	}
	return nil, err
}

// earliest returns the begin of a clip's recording by its row, or that by its anchors if it is earlier. preceding finds only others
// with it.
func earliest(c *clip.Clip) int64 { return min(c.UTC(0), c.StartUTC) }

// after returns the clip that follows another one, which ends at a moment of the wall clock; nil: there is none.
func (s search) after(ctx context.Context, c *clip.Clip, endUTC int64) (*clip.Clip, error) {
	list, err := s.clips(ctx, c.UTC(0), endUTC+aroundNS)
	if err != nil {
		return nil, err
	}
	for i := range list {
		if list[i].ID == c.ID && i+1 < len(list) {
			return &list[i+1], nil
		}
	}
	next, err := s.covering(ctx, endUTC)
	if err == nil && next != nil && next.ID == c.ID && !c.Growing { // by its row it ends later than by its anchors
		next, err = s.covering(ctx, c.EndUTC)
	}
	if next == nil || err != nil || next.ID == c.ID || next.UTC(0) < c.UTC(0) {
		return nil, err
	}
	return next, nil
}

// before returns the clip before another one, and whether that continues it without a loss; nil: there is none.
func (s search) before(ctx context.Context, c *clip.Clip) (previous *clip.Clip, joined bool, err error) {
	begin := c.UTC(0)
	list, err := s.clips(ctx, begin-aroundNS, max(begin, c.StartUTC)+1)
	if err != nil {
		return nil, false, err
	}
	for i := range list {
		if list[i].ID == c.ID && i > 0 && list[i-1].UTC(0) < begin {
			previous, joined = &list[i-1], list[i].Joined
			previous.FromNS = clip.Begin
		}
	}
	if previous == nil {
		if previous, err = s.preceding(ctx, earliest(c)); previous == nil || err != nil {
			return nil, false, err
		}
	}
	if !joined {
		previous.ToNS = previous.Media(begin)
	}
	return previous, joined, nil
}

// clips returns the clips of an interval, each up to the end of its recording.
func (s search) clips(ctx context.Context, fromUTC, toUTC int64) ([]clip.Clip, error) {
	list, _, err := clip.Find(ctx, s.catalogue, s.stream, clip.Span{StartUTC: fromUTC, EndUTC: toUTC})
	for i := range list {
		list[i].ToNS = clip.End
	}
	return list, err
}

// row returns the first row of a query whose file is on this recorder's disk; nil: there is none.
func (s search) row(ctx context.Context, q media.Query) (*media.Record, error) {
	q.Stream, q.Limit = s.stream, media.DefaultLimit
	for passed := 0; passed < lookedAt; passed += q.Limit {
		page, err := s.catalogue.Records(ctx, q)
		if err != nil {
			return nil, err
		}
		for i := range page.Records {
			if r := &page.Records[i]; r.State.Here() && !r.Elsewhere {
				return r, nil
			}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			break
		}
	}
	return nil, nil
}

// moment returns the time of a wall clock for a query, in which the zero time is no bound.
func moment(utc int64) time.Time {
	if utc <= footage.Oldest || utc >= footage.Newest {
		return time.Time{}
	}
	return time.Unix(0, utc)
}

// within returns a time of the media without an overflow: ns, or the bound that it stands for.
func within(ns int64) int64 { return min(max(ns, -math.MaxInt64/4), math.MaxInt64/4) }

// same returns the present state of a clip that was growing; nil: its recording was deleted.
func (s search) same(ctx context.Context, c *clip.Clip) (*clip.Clip, error) {
	begin := c.UTC(0)
	list, err := s.clips(ctx, begin-aroundNS, begin+aroundNS)
	for i := range list {
		if list[i].ID == c.ID {
			return &list[i], err
		}
	}
	return nil, err
}
