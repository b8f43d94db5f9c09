package play

import (
	"net/url"
	"time"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/api/playback/movie"
)

// end is the end of a span at the moment of a request.
type end struct {
	moves bool // a later request for the span would get a later end, because it ends in a growing file or in the future
	utc   int64
	pin   clip.Pin // of the growing file; the zero value: there is none
}

// end returns the end of the clips of a request. The error is movie.ErrNothing if the span begins behind it.
func (p *Player) end(clips []clip.Clip, q *Request) (e end, err error) {
	last := &clips[len(clips)-1]
	e.utc = q.Span.EndUTC
	switch {
	case last.Growing && q.Span.Pin.ID != last.ID:
		settled, err := p.Settled(last)
		if err != nil {
			return e, err
		}
		e.pin = clip.Pin{ID: last.ID, FromNS: last.FromNS, ToNS: min(last.ToNS, settled)}
		e.utc = min(e.utc, last.UTC(e.pin.ToNS))
	case q.Open || e.utc > p.Now().UnixNano():
		e.utc = min(e.utc, p.Now().UnixNano())
	default:
		return e, nil
	}
	e.moves = true
	if e.utc <= q.Span.StartUTC {
		return e, movie.ErrNothing
	}
	return e, nil
}

// url returns the URL of a request with this end, whose answer does not change with time.
func (e *end) url(u *url.URL) string {
	query := u.Query()
	query.Del("duration")
	query.Set("end", time.Unix(0, e.utc).UTC().Format(time.RFC3339Nano))
	if e.pin != (clip.Pin{}) {
		query.Set("pin", e.pin.String())
	}
	return (&url.URL{Path: u.Path, RawPath: u.RawPath, RawQuery: query.Encode()}).String()
}

// cut returns the clips up to this end.
func (e *end) cut(clips []clip.Clip) []clip.Clip {
	last := &clips[len(clips)-1]
	if e.pin == (clip.Pin{}) {
		return clips
	}
	if last.ToNS = e.pin.ToNS; last.FromNS >= last.ToNS {
		return clips[:len(clips)-1]
	}
	return clips
}

// unbroken returns the clips before the first loss, and ends the span of the request there.
func unbroken(clips []clip.Clip, q *Request) []clip.Clip {
	for i := 1; i < len(clips); i++ {
		if c := &clips[i]; !c.Joined {
			q.Span.EndUTC, q.Open = min(q.Span.EndUTC, c.UTC(max(c.FromNS, 0))), false
			return clips[:i]
		}
	}
	return clips
}
