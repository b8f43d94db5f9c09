package units

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/footage"
)

// reader reads the units of a span; it implements footage.Reader.
type reader struct {
	library *Library
	search  search
	span    footage.Span

	now     *section // nil before the first unit, and when closed
	next    *section // that follows now; nil if there is none
	looked  bool     // next is that of now
	begun   bool     // a recording was found, or the reader is closed
	begins  bool     // the next unit is the first one of now
	back    backward // of now, if the span is reversed
	sample  isobmff.Sample
	payload []byte
}

// Next reads the next unit: see footage.Reader.
func (r *reader) Next(ctx context.Context, u *footage.Unit) error {
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if r.now == nil {
			if err := r.begin(ctx); err != nil {
				return err
			}
		}
		found, err := r.read(ctx, u)
		if err != nil || found {
			return err
		}
		if err := r.turn(ctx); err != nil {
			return err
		}
	}
}

// begin opens the first recording.
func (r *reader) begin(ctx context.Context) error {
	if r.begun {
		return io.EOF
	}
	find, at := r.search.covering, r.span.FromUTC
	if r.span.Reverse {
		find = r.search.preceding
		if at < footage.Newest {
			at++
		}
	}
	c, err := find(ctx, at)
	for range maxGone {
		if err == nil && (c == nil || r.beyond(c)) {
			return io.EOF
		}
		if err != nil {
			return err
		}
		if r.now, err = r.library.open(ctx, c); err == nil {
			r.begun = true
			return r.enter(r.now, true)
		}
		if !gone(err) {
			return err
		}
		c, _, err = r.following(ctx, c, c.UTC(0)+1)
	}
	return io.EOF
}

// maxGone bounds the successive recordings that have been deleted since the catalogue listed them.
const maxGone = 1000

// beyond reports whether a clip lies behind the end of the span.
func (r *reader) beyond(c *clip.Clip) bool {
	if r.span.Reverse {
		return false // its end is known when it is open
	}
	return r.span.ToUTC < footage.Newest && c.UTC(max(c.FromNS, 0)) >= r.span.ToUTC
}

// enter begins with the units of a section. jumps reports that it does not continue the previous one.
func (r *reader) enter(s *section, jumps bool) error {
	r.begins, r.looked = true, false
	for i := range s.tracks {
		s.tracks[i].jumps = jumps
	}
	if r.span.Reverse {
		return r.enterBackward(s)
	}
	toNS, err := r.endOf(s)
	if err != nil {
		return err
	}
	fromNS, _ := s.bounds(r.span.FromUTC, r.span.ToUTC)
	return s.place(fromNS, toNS)
}

// read reads the next unit of the present section. found is false behind its last one.
func (r *reader) read(ctx context.Context, u *footage.Unit) (found bool, err error) {
	s := r.now
	if r.span.Reverse {
		return r.readBackward(ctx, u)
	}
	for i := range s.tracks {
		if err := r.fill(s, &s.tracks[i]); err != nil {
			return false, err
		}
	}
	t := s.first()
	if t == nil {
		return false, nil
	}
	r.sample = t.head
	s.unit(u, t, &t.head)
	u.Begins, u.Jumps = r.begins, t.jumps
	r.begins, t.jumps, t.some = false, false, false
	t.lastNS, t.sent = media.ToNanos(u.PTS, s.scale(t)), true
	if err := r.fill(s, t); err != nil {
		return false, err
	}
	if r.span.SyncOnly {
		u.DurationTicks = s.recording.Tracks[t.number].EndTicks - u.DTS
		if t.some {
			u.DurationTicks = t.head.DTS - u.DTS
		}
	}
	if !t.some && !s.Growing {
		err = r.end(ctx, u)
	}
	return true, err
}

// fill reads the head of a track, if it has none: the next sample that the span selects.
func (r *reader) fill(s *section, t *track) error {
	for !t.some && t.next < t.end {
		if err := s.read(t); err != nil {
			return err
		}
		t.some = !r.span.SyncOnly || r.selects(s, t)
	}
	return nil
}

// selects reports whether the head of a track is a sync sample that the span selects.
func (r *reader) selects(s *section, t *track) bool {
	ns := media.ToNanos(t.head.DTS+int64(t.head.OffsetTicks), s.scale(t))
	return t.head.Sync && t == &s.tracks[s.set.Lead()] && (!t.sent || apart(ns, t.lastNS) >= r.span.IntervalNS)
}

func apart(a, b int64) int64 { return max(a-b, b-a) }

// end sets the flags of the last unit of a track in the present section.
func (r *reader) end(ctx context.Context, u *footage.Unit) error {
	if err := r.lookAhead(ctx); err != nil {
		return err
	}
	u.Last = r.next == nil
	u.Ends = r.next == nil || !r.next.Joined
	if r.next == nil && !r.span.Reverse { // it may be the end of the span, with footage behind it
		if _, toNS := r.now.bounds(r.span.FromUTC, r.span.ToUTC); toNS < within(r.now.ToNS) {
			ns, err := r.now.mediaEnd()
			u.Ends = toNS >= ns
			return err
		}
	}
	return nil
}

// lookAhead opens the section that follows the present one.
func (r *reader) lookAhead(ctx context.Context) (err error) {
	if r.looked {
		return nil
	}
	at, jumps := r.now, false
	last := &at.Clip
	endUTC, err := at.endUTC()
	if err != nil {
		return err
	}
	r.next = nil
	for range maxGone {
		c, joined, err := r.following(ctx, last, endUTC)
		if err != nil {
			return err
		}
		if c == nil || r.beyond(c) {
			break
		}
		c.Joined = joined && !jumps
		if r.next, err = r.library.open(ctx, c); err == nil {
			err = r.trim()
			r.looked = err == nil
			return err
		} else if ctx.Err() != nil {
			return err
		} else if c.Growing { // it has no media yet
			break
		} else if !gone(err) {
			return err
		}
		last, endUTC, jumps = c, max(endUTC, c.UTC(0)+1), true
	}
	r.looked = true
	return nil
}

// trim drops the next section of a reversed span if it ends before the span.
func (r *reader) trim() error {
	if !r.span.Reverse {
		return nil
	}
	endUTC, err := r.next.endUTC()
	if err == nil && endUTC <= r.span.ToUTC {
		err, r.next = r.next.Close(), nil
	}
	return err
}

// following returns the clip that is sent after another one, and whether nothing is missing between the two.
func (r *reader) following(ctx context.Context, c *clip.Clip, endUTC int64) (next *clip.Clip, joined bool, err error) {
	if r.span.Reverse {
		if c.UTC(0) <= r.span.ToUTC {
			return nil, false, nil
		}
		return r.search.before(ctx, c)
	}
	if next, err = r.search.after(ctx, c, endUTC); next != nil {
		joined = next.Joined
	}
	return next, joined, err
}

// turn goes on with what a growing recording has now, or with the next recording. The error is io.EOF if there is nothing.
func (r *reader) turn(ctx context.Context) error {
	if r.now.Growing && !r.span.Reverse {
		more, err := r.grow(ctx)
		if err != nil || more {
			return err
		}
		if r.now.Growing {
			return io.EOF
		}
	}
	if err := r.lookAhead(ctx); err != nil {
		return err
	}
	if r.next == nil {
		r.looked = false // one may have begun when the next call comes
		return io.EOF
	}
	err := r.now.Close()
	next := r.next
	r.now, r.next = next, nil
	return errors.Join(err, r.enter(next, !next.Joined))
}

// grow opens the present recording again, and reports whether it has further units.
func (r *reader) grow(ctx context.Context) (more bool, err error) {
	old := r.now
	c, err := r.search.same(ctx, &old.Clip)
	if err != nil {
		return false, err
	}
	if c == nil {
		old.Growing = false // it was deleted
		return false, nil
	}
	s, err := r.library.open(ctx, c)
	if gone(err) {
		old.Growing = false
		return false, nil
	}
	if err != nil {
		return false, err
	}
	s.FromNS, s.ToNS, s.Joined = old.FromNS, old.ToNS, old.Joined
	if err := r.goOn(s, old); err != nil {
		return false, errors.Join(err, s.Close())
	}
	r.now = s
	for i := range s.tracks {
		more = more || s.tracks[i].next < s.tracks[i].end
	}
	return more, old.Close()
}

// goOn enters a section behind the units that were read of an earlier state of its recording.
func (r *reader) goOn(s, old *section) error {
	if !old.placed {
		return r.enter(s, old.tracks[0].jumps)
	}
	toNS, err := r.endOf(s)
	if err != nil {
		return err
	}
	r.looked = false
	s.placed = true
	return s.resume(old, toNS)
}

// endOf returns the time of the media at which the units of the span end in a section, ns.
func (r *reader) endOf(s *section) (toNS int64, err error) {
	_, toNS = s.bounds(r.span.FromUTC, r.span.ToUTC)
	if !s.Growing {
		return toNS, nil
	}
	settled, err := s.mediaEnd()
	return min(toNS, settled), err
}

// resume places the tracks behind the units that were read of an earlier state of the recording.
func (s *section) resume(old *section, toNS int64) error {
	for i := range s.tracks {
		t := &s.tracks[i]
		if err := s.span(t, 0, toNS); err != nil {
			return err
		}
		if before := old.of(s.recording.Tracks[t.number].ID); before != nil { // else it begins late
			t.next, t.jumps, t.lastNS, t.sent = before.next, before.jumps, before.lastNS, before.sent
		}
	}
	return nil
}

// of returns the track with an ID, or nil.
func (s *section) of(id uint32) *track {
	for i := range s.tracks {
		if s.recording.Tracks[s.tracks[i].number].ID == id {
			return &s.tracks[i]
		}
	}
	return nil
}

// Payload returns the bytes of the newest unit: see footage.Reader.
func (r *reader) Payload() ([]byte, error) {
	n := int(r.sample.SizeBytes)
	if n > media.MaxAccessUnitBytes {
		return nil, fmt.Errorf("a sample has %d bytes, at most %d are read", n, media.MaxAccessUnitBytes)
	}
	if cap(r.payload) < n {
		r.payload = make([]byte, n+n/4)
	}
	r.payload = r.payload[:n]
	_, err := r.now.recording.File.ReadAt(r.payload, r.sample.At)
	return r.payload, err
}

// Close closes the recordings that are open: see footage.Reader.
func (r *reader) Close() (err error) {
	for _, s := range []*section{r.now, r.next} {
		if s != nil {
			err = errors.Join(err, s.Close())
		}
	}
	r.now, r.next, r.begun = nil, nil, true
	return err
}
