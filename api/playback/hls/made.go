package hls

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/api/playback/movie"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// made describes a file whose segments are made.
type made struct {
	movie *movie.Movie // of the whole recording: its pictures and sound
	init  []byte       // the initialisation segment
	leads []int64      // the number of each chunk's first lead sample, then the number behind the last one
}

const (
	madeChunkNS    = int64(time.Second) // least duration of a chunk, but for one that ends before a key frame
	maxMadeSamples = 1 << 14            // of a chunk, and of the lead track in a segment of several chunks
)

// MapMade returns the map of a finished recording whose media is not in fragments: its segments are made of its samples. A chunk is then a run
// of the lead track's samples, with those of the other tracks that are decoded with them. Its size is an upper bound. MapMade returns ErrNoRanges
// for a file without pictures and sound.
func MapMade(ctx context.Context, library *clip.Library, r *clip.Recording, c *clip.Clip) (*Mapped, error) {
	lead := Lead(r)
	if lead < 0 {
		return nil, fmt.Errorf("%w: it has neither pictures nor sound", ErrNoRanges)
	}
	whole := *c
	whole.FromNS, whole.ToNS = clip.Begin, clip.End
	var counts movie.Counts
	film, err := counts.Plan(ctx, library, []clip.Clip{whole}, movie.Options{Wants: func(k media.Kind, _ int) bool { return k != media.Metadata }})
	if errors.Is(err, movie.ErrNothing) {
		return nil, fmt.Errorf("%w: %w", ErrNoRanges, err)
	}
	if err != nil {
		return nil, err
	}
	m := &Mapped{Formats: formatsOf(r), made: &made{movie: film}}
	if m.made.init, err = film.Init(); err != nil {
		return nil, err
	}
	return m, m.divide(r, lead)
}

// divide sets m.Chunks and m.made.leads.
func (m *Mapped) divide(r *clip.Recording, lead int) error {
	w, err := newWalk(r, lead)
	if err != nil {
		return err
	}
	var p payload
	begun, key := int64(0), false // decode time of the chunk's first lead sample, and whether that is a key frame
	head := w.next[lead]
	for n := int64(0); ; n++ {
		at := r.Tracks[lead].NS(head.sample.DTS)
		if lasted := at - begun; n > 0 && (!head.left || lasted >= madeChunkNS || head.sample.Sync && !key || p.samples >= maxMadeSamples) {
			if err := w.others(&p, at, !head.left); err != nil {
				return err
			}
			if err := m.addMade(&p, len(r.Tracks)); err != nil {
				return err
			}
			p = payload{lastNS: p.lastNS}
		}
		if p.samples == 0 {
			m.made.leads = append(m.made.leads, n)
			begun, key = at, head.sample.Sync
		}
		if !head.left {
			return nil
		}
		p.count(&r.Tracks[lead], &head.sample, true)
		if err := head.advance(); err != nil {
			return err
		}
	}
}

// others adds the samples of the tracks beside the lead track that are decoded before a time, ns, or all that are left.
func (w *walk) others(p *payload, beforeNS int64, all bool) error {
	for i := range w.next {
		if i == w.lead || w.r.Tracks[i].Kind() == media.Metadata {
			continue
		}
		t, next := &w.r.Tracks[i], &w.next[i]
		for next.left && (all || t.NS(next.sample.DTS) < beforeNS) {
			p.count(t, &next.sample, false)
			if err := next.advance(); err != nil {
				return err
			}
		}
	}
	return nil
}

// count adds a sample wherever it is in the file.
func (p *payload) count(t *clip.Track, s *isobmff.Sample, lead bool) {
	p.end += int64(s.SizeBytes)
	p.samples++
	p.add(t, s, lead)
}

// addMade adds the chunk of a payload.
func (m *Mapped) addMade(p *payload, tracks int) error {
	if len(m.Chunks) == MaxChunks {
		return fmt.Errorf("the file has more than %d chunks", MaxChunks)
	}
	c := p.Chunk
	if n := len(m.Chunks); n > 0 {
		c.At = m.Chunks[n-1].At + m.Chunks[n-1].SizeBytes
	}
	c.SizeBytes = p.end + usualHeadBytes(p.samples, tracks)
	if c.KeyBytes > 0 {
		c.KeyBytes += usualHeadBytes(1, 1)
	}
	m.Chunks = append(m.Chunks, c)
	return nil
}

// name returns the name of a segment that is made, in the directory of its recording: FIRST-END.mp4, or FIRST.mp4 for the sample
// FIRST alone.
func (s *Segment) name() string {
	if s.KeyOnly {
		return fmt.Sprintf("%d.mp4", s.First)
	}
	return fmt.Sprintf("%d-%d.mp4", s.First, s.End)
}

// parseName reads the result of name.
func parseName(name string) (s Segment, err error) {
	wrong := fmt.Errorf("%.80q is not the name of a segment", name)
	text, is := strings.CutSuffix(name, ".mp4")
	first, end, two := strings.Cut(text, "-")
	if s.First, err = strconv.ParseInt(first, 10, 64); err != nil || !is {
		return s, wrong
	}
	s.End, s.KeyOnly = s.First+1, !two
	if two {
		s.End, err = strconv.ParseInt(end, 10, 64)
	}
	if err != nil || s.First < 0 || s.End <= s.First || s.name() != name {
		return s, wrong
	}
	return s, nil
}
