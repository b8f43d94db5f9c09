package movie

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/media"
)

// add adds the parts of a clip, as they are kept, or as the clip's recording has them.
func (m *Movie) add(library *clip.Library, kept *Counts, c *clip.Clip) (err error) {
	f, err := library.Files.Open(c.Path)
	if err != nil {
		return err
	}
	if whole, ok := kept.get(c.ID, f); ok && c.FromNS == clip.Begin && c.ToNS == clip.End {
		return errors.Join(m.addParts(whole.tracks, m.wanted(&whole), c), f.Close())
	}
	r, err := library.Whole(f, c.ID, c.Path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	return r.Mended(func() error {
		parts, err := m.measured(r, c)
		if err != nil {
			return err
		}
		kept.put(r, c, parts)
		return m.addParts(r.Tracks, parts, c)
	})
}

// zero returns the wall clock of media time 0 of a clip's recording, by which the movie is dated. The anchors, which are known only when the file
// is finished, count only if they differ by more than a second: where a clock was set, or the media ran faster than the clock.
func zero(c *clip.Clip, mediaNS int64) int64 {
	if by := c.UTC(mediaNS) - mediaNS; by-c.StartUTC > int64(time.Second) || c.StartUTC-by > int64(time.Second) {
		return by
	}
	return c.StartUTC
}

// addParts adds the parts of a clip, unless no sample of the lead track is presented in it.
func (m *Movie) addParts(tracks []clip.Track, parts []part, c *clip.Clip) error {
	if len(parts) == 0 {
		return nil
	}
	lead := &parts[media.LeadOf(len(parts), func(i int) media.Kind { return tracks[parts[i].track].Kind() })]
	if lead.startPTS == unseen {
		return nil
	}
	if m.options.Split && m.changes(tracks, parts) {
		m.NextUTC = c.UTC(media.ToNanos(lead.startPTS, lead.timescale))
		return nil
	}
	s := source{id: c.ID, path: c.Path, joined: c.Joined, cause: c.Cause}
	if !slices.Contains(m.numbers(tracks), 0) {
		s.fromByte = math.MaxInt64
		for i := range parts {
			s.fromByte, s.toByte = min(s.fromByte, parts[i].fromByte), max(s.toByte, parts[i].toByte)
		}
	}
	shown := media.ToNanos(lead.startPTS, lead.timescale)
	s.shownUTC, s.endUTC, s.zeroUTC = c.UTC(shown), c.UTC(media.ToNanos(lead.endPTS, lead.timescale)), zero(c, shown)
	m.sources = append(m.sources, s)
	return m.assign(tracks, parts)
}

// changes reports whether a part has another description than its track.
func (m *Movie) changes(tracks []clip.Track, parts []part) bool {
	for i := range parts {
		from := &tracks[parts[i].track]
		if t := m.track(from.Kind(), parts[i].number); t != nil && string(t.entries[0]) != string(from.Entry) {
			return true
		}
	}
	return false
}

// numbers returns the number of each track of a recording among the recording's tracks of its kind, from 1; 0 for a track that is not in
// the movie.
func (m *Movie) numbers(tracks []clip.Track) []int {
	var of [media.Metadata + 1]int
	numbers := make([]int, len(tracks))
	for i := range tracks {
		kind := tracks[i].Kind()
		of[kind]++
		if m.options.Wants == nil || m.options.Wants(kind, of[kind]) {
			numbers[i] = of[kind]
		}
	}
	return numbers
}

// wanted returns the parts of the whole of a recording.
func (m *Movie) wanted(whole *counted) (out []part) {
	for i, number := range m.numbers(whole.tracks) {
		if number != 0 {
			p := whole.parts[i]
			p.source = len(m.sources)
			out = append(out, p)
		}
	}
	return out
}

// measured returns the parts of a clip that have samples.
func (m *Movie) measured(r *clip.Recording, c *clip.Clip) (out []part, err error) {
	for i, number := range m.numbers(r.Tracks) {
		if number == 0 {
			continue
		}
		t := &r.Tracks[i]
		from, to := ticksFrom(c.FromNS, t.Timescale), ticksFrom(c.ToNS, t.Timescale)
		p := part{source: len(m.sources), track: i, number: number, timescale: t.Timescale}
		if p.first, p.end, err = r.Range(i, from, to); err != nil {
			return nil, err
		}
		if len(m.sources) == 0 {
			p.first = max(p.first-int64(max(-t.Roll, 0)), 0)
		} else if p.first, err = p.entrance(r, from); err != nil {
			return nil, err
		}
		if p.first >= p.end {
			continue
		}
		if err := p.measure(r, from, to); err != nil {
			return nil, err
		}
		if err := p.tighten(r, from, to); err != nil {
			return nil, err
		}
		out = append(out, p)
	}
	return out, nil
}

// assign adds each part to its track of the movie, with the part's sample entry.
func (m *Movie) assign(tracks []clip.Track, parts []part) error {
	for _, p := range parts {
		from := &tracks[p.track]
		kind := from.Kind()
		t := m.track(kind, p.number)
		if t == nil {
			m.tracks = append(m.tracks, track{
				kind: kind, number: p.number, id: uint32(len(m.tracks) + 1), handler: from.Handler,
				timescale: from.Timescale, language: from.Language, width: from.Width, height: from.Height, volume: from.Volume, roll: from.Roll,
			})
			t = &m.tracks[len(m.tracks)-1]
		}
		var err error
		if p.entry, err = t.describe(from.Entry); err != nil {
			return fmt.Errorf("%s: %w", m.sources[p.source].path, err)
		}
		t.parts = append(t.parts, p)
	}
	return nil
}

func (m *Movie) track(kind media.Kind, number int) *track {
	for i := range m.tracks {
		if t := &m.tracks[i]; t.kind == kind && t.number == number {
			return t
		}
	}
	return nil
}
