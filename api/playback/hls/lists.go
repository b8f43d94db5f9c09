package hls

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/media"
)

// Catalogue lists recordings, and returns one by its ID.
type Catalogue interface {
	clip.Catalogue
	Record(ctx context.Context, id media.ID) (media.Record, error)
}

// Lists makes the playlists of spans. Its exported fields are required. It is safe for concurrent use.
type Lists struct {
	Library   *clip.Library
	Catalogue Catalogue
	Readers   *playback.Readers // keep a file from deletion while it is read
	Now       func() time.Time
	Stall     time.Duration                                 // time in which a client must take a part of an answer: see playback.SendMade
	Refuse    func(w http.ResponseWriter, sizeBytes string) // answers a range outside a segment: see playback.SendMade
	Failed    func(stream string, err error)                // reports that a segment ended early

	maps   maps
	events events
	turns  chan struct{} // see NewLists
}

// maxAtOnce bounds the files that are mapped at once; further requests wait.
const maxAtOnce = 2

// NewLists returns Lists whose exported fields the caller sets.
func NewLists() *Lists { return &Lists{turns: make(chan struct{}, maxAtOnce)} }

// Request selects a span.
type Request struct {
	Stream    string
	Span      clip.Span
	Open      bool // the span has no end: it lasts while the stream is recorded
	SegmentNS int64
	KeepGaps  bool
	Event     bool     // the playlist was of the type EVENT when the client fetched it first
	First     media.ID // its first recording then; zero: it is fetched first now
}

// lingerNS is the time after the end of the last recording for which a span without an end goes on: the
// publisher may connect again.
const lingerNS = int64(time.Minute)

// Playlist returns the playlist of a request. The result reads the recordings when it is written; ctx ends that.
// It returns ErrNothing if no recording is in the span, ErrHeadless, and the errors of clip.Find.
func (l *Lists) Playlist(ctx context.Context, q Request) (*Playlist, error) {
	clips, _, err := clip.Find(ctx, l.Catalogue, q.Stream, q.Span)
	if err != nil {
		return nil, err
	}
	for i := range clips {
		clips[i].Path = strings.TrimSuffix(clips[i].Path, media.PartSuffix) // a growing file may be finished by now
	}
	if q.First != (media.ID{}) {
		clips = l.events.with(q.event(), clips)
		if !slices.ContainsFunc(clips, func(c clip.Clip) bool { return c.ID == q.First }) {
			return nil, ErrHeadless
		}
	}
	if len(clips) == 0 {
		return nil, ErrNothing
	}
	if q.First == (media.ID{}) {
		q.First = clips[0].ID
	}
	p := &Playlist{SegmentNS: q.SegmentNS, KeepGaps: q.KeepGaps, First: q.First}
	if p.Ended, err = l.over(ctx, clips, q); err != nil {
		return nil, err
	}
	p.Event = q.Event || !p.Ended
	for i := range clips {
		p.Parts = append(p.Parts, l.part(ctx, &clips[i], q, p.Event, i == 0))
	}
	return p, nil
}

// part returns the part of a clip. Its clock is that which was known when the file grew: see onward.
func (l *Lists) part(ctx context.Context, c *clip.Clip, q Request, event, first bool) Part {
	p := Part{Span: Span{FromNS: c.FromNS, ToNS: c.ToNS, Growing: c.Growing}, InitURI: "init/" + c.ID.String() + ".mp4", MadeURI: "made/" + c.ID.String() + "/"}
	anchors := c.Anchors
	p.UTC = func(ns int64) int64 {
		if len(anchors) == 0 {
			return c.StartUTC + ns
		}
		return onward(anchors, ns)
	}
	if event {
		if first && c.FromNS != clip.Begin {
			p.FromNS = q.Span.StartUTC - c.StartUTC
		}
		if c.ToNS != clip.End || c.Growing {
			p.ToNS = q.Span.EndUTC - c.StartUTC
		}
	}
	p.URI = strings.Repeat("../", strings.Count(q.Stream, "/")+2) + "vod/" + escaped(c.Path) + "?id=" + c.ID.String()
	p.Load = func() (*Mapped, error) {
		m, err := l.mapped(ctx, c)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, ErrNoRanges): // deleted meanwhile
			return l.events.kept(q.event(), c.ID)
		case err == nil && m.anchors != nil:
			anchors = m.anchors
		case err == nil && event && !c.Growing:
			l.events.keep(q.event(), c, m)
		}
		return m, err
	}
	return p
}

// escaped escapes a path for a URL, but not its slashes.
func escaped(path string) string {
	parts := strings.Split(path, "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return strings.Join(parts, "/")
}

// mapped returns the map of a clip's file.
func (l *Lists) mapped(ctx context.Context, c *clip.Clip) (m *Mapped, err error) {
	if m := l.maps.get(c.ID, c.Path); m != nil {
		return m, nil
	}
	select {
	case l.turns <- struct{}{}:
		defer func() { <-l.turns }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if m := l.maps.get(c.ID, c.Path); m != nil { // another request has mapped it meanwhile
		return m, nil
	}
	leave, err := l.Readers.Reading(c.Path)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	defer leave()
	r, err := l.Library.OpenWhole(c.ID, c.Path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	err = r.Mended(func() (err error) {
		if m, err = Map(r, c.Mended); err == nil && (r.File.Growing || c.Growing) { // the row of a growing one has no anchors yet
			m.anchors, err = m.anchorsOf(r, c.StartUTC)
		}
		return err
	})
	if errors.Is(err, ErrNoRanges) && !r.File.Growing {
		m, err = MapMade(ctx, l.Library, r, c)
	}
	if err == nil && !r.File.Growing && !c.Growing {
		l.maps.put(c.ID, c.Path, m)
	}
	return m, err
}

// over reports whether nothing can come into a span any more.
func (l *Lists) over(ctx context.Context, clips []clip.Clip, q Request) (bool, error) {
	now, last := l.Now().UnixNano(), &clips[len(clips)-1]
	if last.Growing {
		if q.Open || now < q.Span.EndUTC {
			return false, nil
		}
		m, err := l.mapped(ctx, last)
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, ErrNoRanges) {
			return true, nil
		}
		return err == nil && m.Reaches(Span{Growing: true, ToNS: q.Span.EndUTC - last.StartUTC}), err
	}
	if !q.Open {
		return now >= q.Span.EndUTC, nil
	}
	end := last.StartUTC
	if n := len(last.Anchors); n > 0 {
		end = last.Anchors[n-1].UTC
	}
	return now > end+lingerNS, nil
}
