package clip

import (
	"context"
	"fmt"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// Catalogue lists recordings.
type Catalogue interface {
	Records(ctx context.Context, q media.Query) (media.Page, error)
}

// maxRows bounds the recordings of one span: some two months of files of five minutes.
const maxRows = 20_000

// TooManyError reports that a span has more recordings than one request may have.
type TooManyError struct{ Most int }

// Error returns the bound and what to do.
func (e *TooManyError) Error() string {
	return fmt.Sprintf("the span has more than %d recordings: ask for a shorter one", e.Most)
}

// Find returns the clips of a span of a stream: see Select. degraded reports that the database does not answer, so that
// older recordings may be missing. The error is a *TooManyError, or that of the catalogue.
func Find(ctx context.Context, catalogue Catalogue, stream string, span Span) (clips []Clip, degraded bool, err error) {
	q := media.Query{
		Stream: stream, Start: time.Unix(0, span.StartUTC), End: time.Unix(0, span.EndUTC), Ascending: true, Limit: media.MaxLimit,
	}
	var rows []media.Record
	for {
		page, err := catalogue.Records(ctx, q)
		if err != nil {
			return nil, false, err
		}
		degraded = degraded || page.Degraded
		for i := range page.Records {
			r := &page.Records[i]
			r.Events, r.Gaps, r.Beyond, r.Tracks = nil, nil, nil, nil // a span has many rows
			rows = append(rows, *r)
		}
		if len(rows) > maxRows {
			return nil, degraded, &TooManyError{maxRows}
		}
		if q.Cursor = page.Next; q.Cursor == "" {
			return Select(rows, span), degraded, nil
		}
	}
}
