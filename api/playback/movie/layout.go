package movie

import (
	"fmt"
	"math"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// layOut places the clips, and then the samples of each track, on the time line of the movie.
func (m *Movie) layOut() error {
	m.StartUTC = m.sources[0].shownUTC
	end := int64(0) // of the clips so far, ticks of the lead track
	var previous []placed
	for k := range m.sources {
		parts := m.placedIn(k)
		begin := m.place(k, parts, previous, end)
		m.sources[k].beginTicks = begin
		for _, p := range parts {
			p.zeroTicks = media.Rescale(m.sources[k].origin, m.timescale(), p.of.timescale)
			if p.endPTS != 0 || p.startPTS != unseen {
				end = max(end, m.sources[k].origin+media.Rescale(p.endPTS, p.timescale, m.timescale()))
			}
		}
		if s := &m.sources[k]; k > 0 && !s.joined {
			m.Gaps = append(m.Gaps, Gap{
				AtNS: media.ToNanos(begin, m.timescale()), DurationNS: max(s.shownUTC-m.sources[k-1].endUTC, 0), Cause: s.cause,
			})
		}
		previous = parts
	}
	for i := range m.tracks {
		if err := m.tracks[i].join(); err != nil {
			return err
		}
		m.DurationNS = max(m.DurationNS, media.ToNanos(m.tracks[i].endTicks, m.tracks[i].timescale))
	}
	return nil
}

// placed is a part with its track, and its index there.
type placed struct {
	*part
	of    *track
	index int
}

// placedIn returns the parts of a source.
func (m *Movie) placedIn(source int) (out []placed) {
	for i := range m.tracks {
		t := &m.tracks[i]
		for low, high := 0, len(t.parts); low < high; {
			mid := (low + high) / 2
			switch p := &t.parts[mid]; {
			case p.source == source:
				out, low = append(out, placed{p, t, mid}), high
			case p.source < source:
				low = mid + 1
			default:
				high = mid
			}
		}
	}
	return out
}

// lead returns the index of the track that leads, of which the movie has the timescale.
func (m *Movie) lead() int {
	return media.LeadOf(len(m.tracks), func(i int) media.Kind { return m.tracks[i].kind })
}

func (m *Movie) timescale() uint32 { return m.tracks[m.lead()].timescale }

// place sets the origin of a source, whose previous source has the parts previous and ends at the time end of the movie. It returns the
// time at which the source begins.
func (m *Movie) place(k int, parts, previous []placed, end int64) (begin int64) {
	s, scale := &m.sources[k], m.timescale()
	lead := parts[media.LeadOf(len(parts), func(i int) media.Kind { return parts[i].of.kind })]
	if k == 0 {
		s.origin = -media.Rescale(lead.startPTS, lead.timescale, scale)
		return 0
	}
	begin = math.MaxInt64
	for _, p := range parts {
		first := p.startPTS
		if first == unseen {
			first = p.firstPTS
		}
		begin = min(begin, media.Rescale(first, p.timescale, scale))
	}
	before := &m.sources[k-1]
	if s.joined {
		for _, p := range previous {
			if p.of == lead.of {
				s.origin = before.origin + media.Rescale(p.endDTS, p.timescale, scale) - media.Rescale(lead.firstDTS, lead.timescale, scale)
				return s.origin + begin
			}
		}
	}
	s.origin = end - begin
	if m.options.KeepGaps {
		first := &m.sources[0]
		s.origin = max(s.origin, first.origin+media.FromNanos(s.zeroUTC-first.zeroUTC, scale))
	}
	return s.origin + begin
}

// out returns the time in the movie of a time of a part's recording.
func (t *track) out(p *part, ticks int64) int64 {
	return p.zeroTicks + media.Rescale(ticks, p.timescale, t.timescale)
}

// join makes the last sample of each part of a track last until the first sample of the next part.
func (t *track) join() error {
	for i := range t.parts {
		p := &t.parts[i]
		if i == 0 {
			continue
		}
		before := &t.parts[i-1]
		if late := t.out(before, before.lastDTS) + 1 - t.out(p, p.firstDTS); late > 0 { // sound that overlaps by less than a frame
			p.zeroTicks += late
		}
		before.lastTicks = t.out(p, p.firstDTS) - t.out(before, before.lastDTS)
		if before.lastTicks > math.MaxUint32 {
			return fmt.Errorf("a gap of %v is longer than a sample of an MP4 file can last: ask for gaps=cut, or for a shorter span",
				time.Duration(media.ToNanos(before.lastTicks, t.timescale)).Round(time.Second))
		}
	}
	first, last := &t.parts[0], &t.parts[len(t.parts)-1]
	t.originTicks, t.startTicks = t.out(first, first.firstDTS), max(t.out(first, first.firstPTS), 0)
	for i := range t.parts {
		if p := &t.parts[i]; p.startPTS != unseen {
			t.endTicks = max(t.endTicks, t.out(p, p.endPTS))
		}
	}
	t.endTicks = max(t.endTicks, t.startTicks)
	last.lastTicks = min(max(t.endTicks-t.out(last, last.lastDTS), 1), math.MaxUint32)
	return nil
}
