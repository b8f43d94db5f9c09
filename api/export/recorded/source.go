// Package recorded makes the recordings of streams the source of exports.
package recorded

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/gospool/spool/api/export/bundle"
	"github.com/gospool/spool/api/playback"
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/api/playback/movie"
	"github.com/gospool/spool/api/playback/mpegts"
	"github.com/gospool/spool/api/playback/play"
	"github.com/gospool/spool/pipeline/media"
)

// Source opens the footage of recordings. It implements bundle.Source.
type Source struct{ Player *play.Player }

// Formats implements bundle.Source.
func (s Source) Formats() []bundle.Format {
	return []bundle.Format{{Name: string(play.MP4), Extension: ".mp4"}, {Name: string(play.Fragmented), Extension: ".mp4"}, {Name: string(play.Transport), Extension: play.Transport.Suffix()}}
}

// Open implements bundle.Source.
func (s Source) Open(ctx context.Context, span bundle.Span) (bundle.Media, error) {
	rows := &losses{Catalogue: s.Player.Catalogue, gaps: map[media.ID][]media.Gap{}}
	player := &play.Player{Library: s.Player.Library, Catalogue: rows, Readers: s.Player.Readers, Now: s.Player.Now}
	f, err := player.Open(ctx, play.Request{
		Stream:  span.Stream,
		Span:    clip.Span{StartUTC: span.StartNS, EndUTC: span.EndNS},
		Options: movie.Options{KeepGaps: span.Gaps == bundle.Keep},
	})
	var many *clip.TooManyError
	switch {
	case errors.Is(err, movie.ErrNothing):
		return nil, bundle.ErrNoFootage
	case errors.As(err, &many), errors.Is(err, playback.ErrBusy):
		return nil, &bundle.RefusedError{Err: err}
	case err != nil:
		return nil, err
	}
	out := &footage{Footage: f, facts: facts(f.Movie, span, rows.gaps), library: player.Library, format: play.Format(span.Format)}
	if out.format == play.Transport {
		if out.transport, err = mpegts.New(f.Movie); err != nil {
			return nil, errors.Join(&bundle.RefusedError{Err: err}, f.Close())
		}
		out.facts.LeftOut = out.transport.LeftOut
	}
	return out, nil
}

// losses notes the gaps inside the recordings that a catalogue lists: package clip drops them.
type losses struct {
	clip.Catalogue
	gaps map[media.ID][]media.Gap
}

// Records implements clip.Catalogue.
func (l *losses) Records(ctx context.Context, q media.Query) (media.Page, error) {
	page, err := l.Catalogue.Records(ctx, q)
	for i := range page.Records {
		if r := &page.Records[i]; len(r.Gaps) > 0 {
			l.gaps[r.ID] = r.Gaps
		}
	}
	return page, err
}

// footage implements bundle.Media.
type footage struct {
	*play.Footage
	facts     bundle.Facts
	library   *clip.Library
	format    play.Format
	transport *mpegts.Stream // nil unless the format is Transport
}

// SizeBytes implements bundle.Media. The size of a stream of fragments or packets is not known before it is made.
func (f *footage) SizeBytes() (int64, bool) { return f.Movie.SizeBytes, f.format == play.MP4 }

// Facts implements bundle.Media.
func (f *footage) Facts() bundle.Facts { return f.facts }

// copyBytes is the size of the buffer of a copy.
const copyBytes = 1 << 20

// WriteTo implements bundle.Media.
func (f *footage) WriteTo(ctx context.Context, w io.Writer) error {
	switch f.format {
	case play.Fragmented:
		return f.WriteFragments(ctx, f.library, w)
	case play.Transport:
		return f.transport.WriteTo(ctx, f.library, w)
	}
	buf := make([]byte, copyBytes)
	for {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		n, err := f.Read(buf)
		if n > 0 {
			if _, err := w.Write(buf[:n]); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading recordings: %w", err)
		}
	}
}

// maxGaps bounds the gaps that one file of a manifest lists. Further gaps are joined: see media.FoldGaps.
const maxGaps = 10_000

// facts returns the description of a movie.
func facts(m *movie.Movie, span bundle.Span, inside map[media.ID][]media.Gap) bundle.Facts {
	kept := span.Gaps == bundle.Keep
	out := bundle.Facts{StartNS: m.StartUTC, EndNS: m.StartUTC + m.DurationNS, Recordings: slices.Collect(m.Recordings())}
	for _, g := range m.Gaps {
		end := m.StartUTC + g.AtNS
		if !kept {
			out.EndNS += g.DurationNS
			end += out.EndNS - m.StartUTC - m.DurationNS
		}
		out.Gaps = append(out.Gaps, bundle.Gap{StartNS: end - g.DurationNS, EndNS: end, Cause: string(g.Cause), Kept: kept})
	}
	var lost []media.Gap
	for _, id := range out.Recordings {
		for _, g := range inside[id] {
			if g.EndUTC() > out.StartNS && g.StartUTC < out.EndNS {
				lost = append(lost, g)
			}
		}
	}
	if len(lost)+len(out.Gaps) > maxGaps {
		lost = media.FoldGaps(lost, max(maxGaps-len(out.Gaps), 1))
	}
	for _, g := range lost {
		out.Gaps = append(out.Gaps, bundle.Gap{StartNS: g.StartUTC, EndNS: g.EndUTC(), Cause: string(g.Cause), Track: g.Track, Kept: true})
	}
	slices.SortStableFunc(out.Gaps, func(a, b bundle.Gap) int { return cmp.Compare(a.StartNS, b.StartNS) })
	return out
}
