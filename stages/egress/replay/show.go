package replay

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/footage"
	"github.com/gospool/spool/pipeline/streampath"
	"github.com/gospool/spool/stages/egress/rtsp"
)

// Prefix begins the paths at which recordings are played: the path of the stream follows.
const Prefix = "replay/"

// StreamOf returns the stream whose recordings have a path.
func StreamOf(path string) (stream string, is bool) { return strings.CutPrefix(path, Prefix) }

// Show is the footage of a stream that was described to a client.
type Show struct {
	*rtsp.Description
	library footage.Library
	stream  string
	byClock bool  // its range is described by the wall clock alone
	fromUTC int64 // where playing begins, and time 0 of npt
	toUTC   int64 // where it ends, or footage.Newest
	endUTC  int64 // of the footage
}

// ErrPlace is the error of Describe for a query that is wrong.
var ErrPlace = errors.New("start and end are moments such as 2026-11-29T10:15:00Z, start before end")

// Describe describes the footage of a stream. query, of the URL, may bound it: start and end are moments in the format of RFC 3339.
// With range=clock the session description has the range by the wall clock alone, which GStreamer's onvif-mode needs. The tracks are those at
// start; without it, those of the newest recording. The error is footage.ErrNone, ErrPlace,
// rtsp.ErrNoTracks, or that of a wrong path or of the library.
func Describe(ctx context.Context, library footage.Library, stream, query string) (*Show, error) {
	if err := streampath.Check(stream); err != nil {
		return nil, err
	}
	s := &Show{library: library, stream: stream, fromUTC: footage.Oldest, toUTC: footage.Newest}
	if err := s.bound(query); err != nil {
		return nil, err
	}
	at := s.fromUTC
	if at == footage.Oldest {
		at = footage.Newest
	}
	e, err := library.Extent(ctx, stream, at)
	if err != nil {
		return nil, ofLibrary(err)
	}
	if s.fromUTC >= e.EndUTC || s.toUTC <= e.BeginUTC {
		return nil, footage.ErrNone
	}
	s.fromUTC, s.endUTC = max(s.fromUTC, e.BeginUTC), min(s.toUTC, e.EndUTC)
	if s.Description, err = rtsp.Describe(e.Set, Prefix+stream); err != nil {
		return nil, err
	}
	s.annotate()
	return s, nil
}

func (s *Show) bound(query string) error {
	values, err := url.ParseQuery(query)
	if err != nil {
		return ErrPlace
	}
	s.byClock = values.Get("range") == "clock"
	for name, utc := range map[string]*int64{"start": &s.fromUTC, "end": &s.toUTC} {
		text := values.Get(name)
		if text == "" {
			continue
		}
		at, err := time.Parse(time.RFC3339Nano, text)
		if err != nil || at.Year() < 1900 || at.Year() > 2200 {
			return ErrPlace
		}
		*utc = at.UnixNano()
	}
	if s.fromUTC >= s.toUTC {
		return ErrPlace
	}
	return nil
}

// annotate adds the range of the footage to the session description, and names the tracks as ONVIF does.
func (s *Show) annotate() {
	relative := Range{Relative: true, From: Moment{Given, 0}, To: Moment{Given, s.endUTC - s.fromUTC}}
	absolute := Range{From: Moment{Given, s.fromUTC}, To: Moment{Given, s.endUTC}}
	numbers := map[media.Kind]int{}
	ranges := []string{"a=range:" + relative.String(), "a=range:" + absolute.String()}
	if s.byClock {
		ranges = ranges[1:]
	}
	s.Add(ranges, func(t *media.Track) string {
		numbers[t.Kind()]++
		return fmt.Sprintf("a=x-onvif-track:%s%03d", strings.ToUpper(t.Kind().String()), numbers[t.Kind()])
	})
}

// utc returns a moment of a range as ns UTC, and open for one that is open.
func (s *Show) utc(m Moment, relative bool, open int64) int64 {
	switch {
	case m.Is == Open:
		return open
	case m.Is == Now:
		return s.endUTC - 1
	case relative:
		return s.fromUTC + m.At
	}
	return m.At
}

// span returns the span of a request. The error is ErrRange.
func (s *Show) span(q *Request) (footage.Span, error) {
	out := footage.Span{Reverse: q.Speed.Reverse(), SyncOnly: q.Speed.Frames == Intra, IntervalNS: q.Speed.IntervalNS}
	from, to := s.fromUTC, s.toUTC
	if out.Reverse {
		from, to = min(s.toUTC, footage.Newest), s.fromUTC
	}
	out.FromUTC = s.utc(q.Range.From, q.Range.Relative, from)
	out.ToUTC = s.utc(q.Range.To, q.Range.Relative, to)
	if out.Reverse && out.ToUTC >= out.FromUTC || !out.Reverse && out.FromUTC >= out.ToUTC {
		return out, ErrRange
	}
	return out, nil
}

// ErrRange is the error of Player.Play for a range without footage.
var ErrRange = errors.New("there is no footage in this range, or its end is not behind its begin in the direction of Scale")
