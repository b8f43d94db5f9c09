// Package exporttest has footage for tests of exports.
package exporttest

import (
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/gospool/spool/api/export/bundle"
	"github.com/gospool/spool/pipeline/media"
)

// Source is a source whose streams have given bytes.
type Source struct {
	Streams map[string][]byte
	Opened  chan struct{} // receives before the first byte of a media is written, if not nil
	Wait    chan struct{} // is received from after that, if not nil
}

// Formats implements bundle.Source.
func (s *Source) Formats() []bundle.Format {
	return []bundle.Format{{Name: "mp4", Extension: ".mp4"}, {Name: "ts", Extension: ".ts"}}
}

// Open implements bundle.Source.
func (s *Source) Open(_ context.Context, span bundle.Span) (bundle.Media, error) {
	text, ok := s.Streams[span.Stream]
	if !ok {
		return nil, fmt.Errorf("%w", bundle.ErrNoFootage)
	}
	return &footage{s, span, text}, nil
}

type footage struct {
	source *Source
	span   bundle.Span
	text   []byte
}

func (f *footage) SizeBytes() (int64, bool) { return int64(len(f.text)), true }

func (f *footage) Facts() bundle.Facts {
	middle := (f.span.StartNS + f.span.EndNS) / 2
	return bundle.Facts{
		StartNS: f.span.StartNS, EndNS: f.span.EndNS, Gaps: []bundle.Gap{{StartNS: middle, EndNS: middle + 1000, Cause: "publisher_lost"}},
		Recordings: []media.ID{{1, 2, 3}},
	}
}

func (f *footage) WriteTo(ctx context.Context, w io.Writer) error {
	if f.source.Opened != nil {
		f.source.Opened <- struct{}{}
	}
	if f.source.Wait != nil {
		select {
		case <-f.source.Wait:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	_, err := io.Copy(w, io.LimitReader(bytes.NewReader(f.text), int64(len(f.text))))
	return err
}

func (f *footage) Close() error { return nil }
