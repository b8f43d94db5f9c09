package units

import (
	"context"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/footage"
)

// backward goes through the GOPs of a section's lead track from the last one to the first.
type backward struct {
	first, left int64   // the samples in which GOPs have not been sought
	begins      []int64 // numbers of the samples with which the GOPs found begin, the last one at the end
	hi          int64   // number of the sample at which the last of these ends
	endTicks    int64   // presentation time at which it ends
	lastNS      int64   // presentation time of the key frame that was chosen last
	chosen      bool    // lastNS is set
	ahead       gop     // the GOP that is sent next
	some        bool    // ahead is set
}

// gop is a GOP: samples from number lo up to but not including hi.
type gop struct {
	lo, hi   int64
	endTicks int64
}

// soughtSamples is the number of samples in which GOPs are sought at once.
const soughtSamples = 4096

// enterBackward places the lead track of a section behind its last GOP.
func (r *reader) enterBackward(s *section) error {
	fromNS, toNS := s.bounds(r.span.ToUTC, r.span.FromUTC)
	if s.Growing {
		settled, err := s.mediaEnd()
		if err != nil {
			return err
		}
		toNS = min(toNS, settled)
	}
	lead := &s.tracks[s.set.Lead()]
	scale := s.scale(lead)
	fromTicks, toTicks := media.FromNanos(fromNS, scale), media.FromNanos(toNS, scale)
	if r.span.FromUTC < footage.Newest && toNS == s.Media(r.span.FromUTC) {
		toTicks++ // the picture at which playing begins
	}
	if fromTicks < toTicks {
		err := s.recording.Mended(func() (err error) {
			lead.next, lead.end, err = s.recording.Range(lead.number, fromTicks, toTicks)
			return err
		})
		if err != nil {
			return err
		}
	}
	r.back = backward{first: lead.next, left: lead.end, hi: lead.end}
	lead.next = lead.end
	if err := r.back.measure(s, lead); err != nil {
		return err
	}
	return r.choose(s, lead)
}

// measure finds the presentation time at which the samples end.
func (b *backward) measure(s *section, t *track) error {
	return samples(s, t, max(b.first, b.hi-soughtSamples), b.hi, func(_ int64, x *isobmff.Sample) {
		b.endTicks = max(b.endTicks, x.DTS+int64(x.OffsetTicks)+x.DurationTicks)
	})
}

// samples calls each with samples of a track.
func samples(s *section, t *track, lo, hi int64, each func(n int64, x *isobmff.Sample)) error {
	c := s.recording.Samples(t.number, lo, hi)
	var x isobmff.Sample
	for n := lo; ; n++ {
		if ok, err := c.Next(&x); !ok || err != nil {
			return err
		}
		each(n, &x)
	}
}

// seek finds further GOPs before those that were found.
func (b *backward) seek(s *section, t *track) error {
	for len(b.begins) == 0 && b.left > b.first {
		lo := max(b.first, b.left-soughtSamples)
		err := samples(s, t, lo, b.left, func(n int64, x *isobmff.Sample) {
			if x.Sync || n == b.first {
				b.begins = append(b.begins, n)
			}
		})
		if err != nil {
			return err
		}
		b.left = lo
	}
	return nil
}

// choose sets ahead to the GOP before it that the span has.
func (r *reader) choose(s *section, t *track) error {
	b := &r.back
	for b.some = false; ; {
		if err := b.seek(s, t); err != nil || len(b.begins) == 0 {
			return err
		}
		last := len(b.begins) - 1
		g := gop{b.begins[last], b.hi, b.endTicks}
		b.begins, b.hi = b.begins[:last], g.lo
		key, err := s.recording.Sample(t.number, g.lo)
		if err != nil {
			return err
		}
		pts := key.DTS + int64(key.OffsetTicks)
		ns := media.ToNanos(pts, s.scale(t))
		if r.span.SyncOnly {
			if b.chosen && apart(ns, b.lastNS) < r.span.IntervalNS {
				continue
			}
			g.hi = g.lo + 1
		}
		b.ahead, b.some, b.endTicks, b.lastNS, b.chosen = g, true, pts, ns, true
		return nil
	}
}

// readBackward reads the next unit of a reversed span. found is false behind the last one of the section.
func (r *reader) readBackward(ctx context.Context, u *footage.Unit) (found bool, err error) {
	s := r.now
	t := &s.tracks[s.set.Lead()]
	begins := t.next >= t.end
	endTicks := r.back.ahead.endTicks
	if begins {
		if !r.back.some {
			return false, nil
		}
		t.next, t.end, t.cursor = r.back.ahead.lo, r.back.ahead.hi, nil
		if err := r.choose(s, t); err != nil {
			return false, err
		}
	}
	if err := s.read(t); err != nil {
		return false, err
	}
	r.sample = t.head
	s.unit(u, t, &t.head)
	if u.Begins = r.begins; begins {
		u.Jumps, u.GOPEndTicks = true, endTicks
	}
	r.begins = false
	if t.next >= t.end && !r.back.some {
		return true, r.end(ctx, u)
	}
	return true, nil
}
