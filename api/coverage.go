package api

import (
	"context"
	"net/http"

	"github.com/gospool/spool/api/coverage"
	"github.com/gospool/spool/api/params"
	"github.com/gospool/spool/pipeline/media"
)

var coverageParams = []params.Param{
	{Name: "stream", Doc: "a stream path, or prefix/* for all below it"},
	{Name: "start", Kind: params.Moment, Doc: "required; RFC 3339 or Unix seconds"},
	{Name: "end", Kind: params.Moment, Doc: "required; RFC 3339 or Unix seconds"},
}

type coverageAnswer struct {
	Status   string          `json:"status" enum:"success"`
	Streams  []coveredStream `json:"streams"`
	Since    *string         `json:"since,omitempty" format:"date-time" doc:"begin of the part that the answer covers, when one answer cannot hold all; absent: all"`
	Degraded bool            `json:"degraded,omitempty" doc:"the database is down, and older recordings may be missing here; or it takes no rows"`
}

type coveredStream struct {
	Path   string         `json:"path"`
	Spans  []coveredSpan  `json:"spans" doc:"the oldest first; a gap shorter than a two-thousandth of the range is left out"`
	Events []coveredEvent `json:"events,omitempty" doc:"events with media in the recordings; at most 500"`
	Cut    bool           `json:"cut,omitempty" doc:"the stream has further events"`
}

type coveredSpan struct {
	First      string      `json:"first" format:"uuid" doc:"the oldest recording of the span"`
	Start      *string     `json:"start_time" format:"date-time"`
	End        *string     `json:"end_time" format:"date-time" doc:"while recording: now"`
	State      media.State `json:"state" enum:"recording,finished,recovered"`
	Elsewhere  bool        `json:"elsewhere,omitempty" doc:"another recorder has the files: request them there"`
	Recordings int         `json:"recordings" doc:"recordings in the span"`
	Gap        *gapDetail  `json:"gap,omitempty" doc:"gap before the span"`
}

type coveredEvent struct {
	At   *string `json:"at" format:"date-time"`
	Name string  `json:"name,omitempty"`
}

// The bounds of GET /mp4/coverage. They keep its memory and time bounded, however many recordings
// the requested range has.
const (
	maxPages       = 100  // pages of the catalogue, each of about maxPageBytes, read for one answer
	maxCoverages   = 2    // answers made at once; further requests wait
	coverageStarts = 2000 // a span may have gaps up to the length of the range divided by this
)

// coverage answers with the spans of time within a range that have recordings, by stream.
func (s *Server) coverage(w http.ResponseWriter, r *request) error {
	q, err := filters(&r.query)
	if err != nil {
		return err
	}
	if q.Start.IsZero() || q.End.IsZero() {
		return BadRequest("start and end are needed: the range that is shown")
	}
	q.Limit, q.MaxBytes = media.MaxLimit, maxPageBytes
	a, err := s.covers(r.Context(), q)
	if err != nil {
		return err
	}
	answer(w, http.StatusOK, a)
	return nil
}

// covers makes the answer for the recordings that q selects. It first waits until fewer than
// maxCoverages answers are in progress, or returns the error of ctx when ctx ends before.
func (s *Server) covers(ctx context.Context, q media.Query) (a coverageAnswer, err error) {
	select {
	case s.coverages <- struct{}{}:
		defer func() { <-s.coverages }()
	case <-ctx.Done():
		return a, ctx.Err()
	}
	joined := coverage.Joiner{Resolution: q.End.Sub(q.Start) / coverageStarts, Now: s.deps.Clock.Now(), MaxBytes: maxPageBytes}
	a = coverageAnswer{Status: "success", Streams: []coveredStream{}}
	if err := s.join(ctx, q, &joined, &a); err != nil {
		return a, err
	}
	for _, st := range joined.Streams() {
		a.Streams = append(a.Streams, covered(&st))
	}
	return a, nil
}

// join passes the recordings that q selects to joined, the newest first, until there is no further
// one, joined is full, or maxPages pages are read. In the last two cases it sets a.Since to the start
// of the last recording in the answer.
func (s *Server) join(ctx context.Context, q media.Query, joined *coverage.Joiner, a *coverageAnswer) error {
	for range maxPages {
		page, err := s.deps.Catalogue.Records(ctx, q)
		if err != nil {
			return err
		}
		a.Degraded = a.Degraded || page.Degraded || page.Stalled
		for i := range page.Records {
			if joined.Full() {
				return nil
			}
			joined.Add(&page.Records[i])
			a.Since = utcNano(page.Records[i].StartUTC)
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			a.Since = nil
			return nil
		}
		if joined.Full() {
			return nil
		}
	}
	return nil
}

func covered(st *coverage.Stream) coveredStream {
	out := coveredStream{Path: st.Path, Spans: []coveredSpan{}, Cut: st.Cut}
	for i := range st.Spans {
		out.Spans = append(out.Spans, coveredOf(&st.Spans[i]))
	}
	for i := range st.Events {
		out.Events = append(out.Events, coveredEvent{utcNano(st.Events[i].AtNS), st.Events[i].Name})
	}
	return out
}

func coveredOf(sp *coverage.Span) coveredSpan {
	out := coveredSpan{
		First: sp.First.String(), Start: utcNano(sp.StartNS), End: utcNano(sp.EndNS), State: sp.State, Elsewhere: sp.Elsewhere, Recordings: sp.Recordings,
	}
	if !sp.Gap.None() {
		out.Gap = &gapDetail{sp.Gap.Cause, seconds(sp.Gap.DurationNS), seconds(sp.Gap.StepNS)}
	}
	return out
}
