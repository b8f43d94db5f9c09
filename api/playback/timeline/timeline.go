package timeline

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"slices"
	"time"

	"github.com/gospool/spool/api/coverage"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/media"
)

// The bounds of an answer and of the work for it.
const (
	maxRows      = 20_000    // recordings
	maxPageBytes = 1 << 20   // of the lists in a page of the catalogue; and of the spans
	maxSamples   = 100 << 20 // samples that are counted for the activity: some forty days of video
	maxAtOnce    = 2         // answers in progress; further ones wait
	spanParts    = 2000      // a span may have gaps up to the length of the range divided by this
)

// Request selects a span of a stream's wall clock.
type Request struct {
	Stream           string
	Pipeline         string // only the recordings of this pipeline; empty: of any
	StartUTC, EndUTC int64  // ns UTC
	ResolutionNS     int64  // length of an interval of the activity; 0: see Intervals
}

// Timeline describes a span of a stream's wall clock.
type Timeline struct {
	Spans    []coverage.Span  // the oldest first
	Gaps     []Gap            // the oldest first; of more than MaxGaps the longest
	Events   []coverage.Event // the oldest first
	Activity Activity
	SinceUTC int64 // begin of the part that the answer covers, ns UTC; 0: all

	GapsCut   bool // there are more gaps
	EventsCut bool // there are more events
	Degraded  bool // the database is down, and older recordings may be missing
}

// Maker makes timelines. It is safe for concurrent use.
type Maker struct {
	Library   *clip.Library
	Catalogue clip.Catalogue
	Readers   *playback.Readers // keep a file from deletion while it is read
	// Failed reports a recording of which neither index nor tables can be read. The answer counts it
	// in Activity.Unread.
	Failed func(id media.ID, err error)

	running chan struct{} // semaphore of the answers in progress
}

// NewMaker returns a Maker with these dependencies. Its exported fields may be changed before the
// first call of Make.
func NewMaker(library *clip.Library, catalogue clip.Catalogue, readers *playback.Readers, failed func(id media.ID, err error)) *Maker {
	return &Maker{library, catalogue, readers, failed, make(chan struct{}, maxAtOnce)}
}

// Make returns the timeline of a request. It waits for its turn. The error is that of the catalogue
// or of ctx.
func (m *Maker) Make(ctx context.Context, q *Request) (*Timeline, error) {
	select {
	case m.running <- struct{}{}:
		defer func() { <-m.running }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	t := &Timeline{Activity: newActivity(q)}
	rows, err := m.rows(ctx, q, t)
	if err != nil {
		return nil, err
	}
	if err := m.count(ctx, q, rows, t); err != nil {
		return nil, err
	}
	t.join(q, rows)
	return t, nil
}

// rows returns the recordings of a request, the newest first, and adds their gaps to t.
func (m *Maker) rows(ctx context.Context, q *Request, t *Timeline) (rows []media.Record, err error) {
	gaps := gaps{fromUTC: q.StartUTC, toUTC: q.EndUTC}
	events, seen := 0, 0
	query := media.Query{
		Stream: q.Stream, Start: time.Unix(0, q.StartUTC), End: time.Unix(0, q.EndUTC), Limit: media.MaxLimit, MaxBytes: maxPageBytes,
	}
	for seen < maxRows {
		page, err := m.Catalogue.Records(ctx, query)
		if err != nil {
			return nil, err
		}
		t.Degraded = t.Degraded || page.Degraded || page.Stalled
		for i := range page.Records {
			r := &page.Records[i]
			t.SinceUTC = r.StartUTC
			if q.Pipeline != "" && r.Pipeline != q.Pipeline {
				continue
			}
			gaps.addAll(r)
			if events += len(r.Events); events-len(r.Events) > maxEvents {
				r.Events = nil
			}
			rows = append(rows, slim(r))
		}
		seen += len(page.Records)
		if query.Cursor = page.Next; query.Cursor == "" {
			t.SinceUTC = 0
			break
		}
	}
	if err := m.gapAtEnd(ctx, q, &gaps); err != nil {
		return nil, err
	}
	t.Gaps, t.GapsCut = gaps.result()
	return rows, nil
}

// maxEvents is the number of events up to which rows keeps those of a recording. Package coverage
// bounds those of the answer.
const maxEvents = 1000

// slim returns a recording with the fields that spans, events and activity are made of: a span has
// many rows.
func slim(r *media.Record) media.Record {
	out := media.Record{Elsewhere: r.Elsewhere}
	out.ID, out.Stream, out.Pipeline, out.Path, out.State, out.EndReason = r.ID, r.Stream, r.Pipeline, r.Path, r.State, r.EndReason
	out.StartUTC, out.EndUTC, out.Gap, out.Anchors = r.StartUTC, r.EndUTC, r.Gap, r.Anchors
	for i := range r.Events {
		out.Events = append(out.Events, media.Event{AtUTC: r.Events[i].AtUTC, Name: r.Events[i].Name})
	}
	return out
}

// gapAtEnd adds the gap before the first recording after a request's span: it may begin in the span.
func (m *Maker) gapAtEnd(ctx context.Context, q *Request, into *gaps) error {
	const most = 32 // recordings of all pipelines that the span's end divides, and the next ones
	page, err := m.Catalogue.Records(ctx, media.Query{Stream: q.Stream, Start: time.Unix(0, q.EndUTC), Ascending: true, Limit: most})
	if err != nil {
		return err
	}
	for i := range page.Records {
		if r := &page.Records[i]; r.StartUTC >= q.EndUTC && (q.Pipeline == "" || r.Pipeline == q.Pipeline) {
			into.addBefore(r)
			return nil
		}
	}
	return nil
}

// count counts the activity, the newest recording first, and sets the end of each growing recording
// in rows to that of its last whole chunk.
func (m *Maker) count(ctx context.Context, q *Request, rows []media.Record, t *Timeline) error {
	ordered := slices.Clone(rows)
	slices.Reverse(ordered)
	clips := clip.Select(ordered, clip.Span{StartUTC: q.StartUTC, EndUTC: q.EndUTC, Pipeline: q.Pipeline})
	left := int64(maxSamples)
	for i := len(clips) - 1; i >= 0; i-- {
		c := &clips[i]
		endUTC, n, err := m.countOne(ctx, c, &t.Activity)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, playback.ErrBusy):
			continue
		case err != nil:
			t.Activity.Unread++
			m.Failed(c.ID, err)
			continue
		}
		if c.Growing {
			at := slices.IndexFunc(rows, func(r media.Record) bool { return r.ID == c.ID })
			rows[at].EndUTC = max(endUTC, rows[at].StartUTC)
		}
		if left -= n; left <= 0 && i > 0 {
			t.Activity.SinceUTC = c.UTC(max(c.FromNS, 0))
			return nil
		}
	}
	return nil
}

// countOne counts the activity of one clip. It returns the end of the recording, and the number of
// samples that it has counted.
func (m *Maker) countOne(ctx context.Context, c *clip.Clip, into *Activity) (endUTC, samples int64, err error) {
	leave, err := m.Readers.Reading(c.Path)
	if err != nil {
		return 0, 0, err
	}
	defer leave()
	r, err := m.Library.OpenWhole(c.ID, c.Path)
	if err != nil {
		return 0, 0, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	var n *counted
	err = r.Mended(func() error {
		n = &counted{into: into}
		return n.clip(ctx, r, c)
	})
	if err != nil {
		return 0, 0, err
	}
	n.add()
	return n.endUTC, n.samples, nil
}

// join makes the spans and the events of the rows, which are the newest first.
func (t *Timeline) join(q *Request, rows []media.Record) {
	joiner := coverage.Joiner{
		Resolution: time.Duration(q.EndUTC-q.StartUTC) / spanParts,
		Now:        time.Unix(0, 0), // a growing recording ends with its last whole chunk
		MaxBytes:   maxPageBytes,
	}
	for i := range rows {
		if joiner.Full() {
			t.SinceUTC = rows[i-1].StartUTC
			break
		}
		joiner.Add(&rows[i])
	}
	for _, s := range joiner.Streams() {
		t.Spans, t.EventsCut = append(t.Spans, s.Spans...), t.EventsCut || s.Cut
		t.Events = append(t.Events, s.Events...)
	}
	t.Events = slices.DeleteFunc(t.Events, func(e coverage.Event) bool { return e.AtNS < q.StartUTC || e.AtNS >= q.EndUTC })
	slices.SortStableFunc(t.Events, func(a, b coverage.Event) int { return cmp.Compare(a.AtNS, b.AtNS) })
	t.Events = slices.Compact(t.Events) // an event may have media in several recordings
}
