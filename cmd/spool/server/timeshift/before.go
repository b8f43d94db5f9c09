package timeshift

import (
	"bytes"
	"context"
	"errors"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/egress/cmaf"
)

// Before returns the segments of an uninterrupted recording that precede the segment first.
func (a *Archive) Before(ctx context.Context, path string, first *cmaf.Past, o cmaf.Division) ([]*cmaf.Past, error) {
	clips, _, err := clip.Find(ctx, a.Catalogue, path, clip.Span{StartUTC: o.FromUTC, EndUTC: first.EndUTC() + nearNS})
	if err != nil || len(clips) == 0 {
		return nil, err
	}
	for last := len(clips) - 1; last >= 0; last-- {
		rec, at, err := a.match(&clips[last], first)
		if err != nil {
			return nil, err
		}
		if at != nil {
			return a.before(ctx, clips[:last+1], rec, at, first, o)
		}
	}
	if clips[len(clips)-1].Growing {
		return nil, cmaf.ErrNotYet
	}
	return nil, nil
}

// divider divides recordings into segments, from the newest recording to the oldest.
type divider struct {
	init   *cmaf.Init
	o      cmaf.Division
	stepNS int64 // added to the wall clock of a recording to get that of the live stream
	breaks int   // discontinuities before the segments

	rec     *clip.Recording
	clip    *clip.Clip
	tracks  []int      // of rec, by track of init
	shifts  []int64    // added to the decode times of rec, by track of init, ticks
	ends    []int64    // number behind the last sample, by track of init
	rest    *place     // samples of the newest recording that belong to the last segment of the one before
	runs    []cmaf.Run // of the rest
	entries [][]byte   // sample entries of the newest recording, by track of init
}

// before divides the clips up to the samples at a place in the last one, whose open recording it closes.
func (a *Archive) before(ctx context.Context, clips []clip.Clip, rec *clip.Recording, at *place, first *cmaf.Past, o cmaf.Division) (list []*cmaf.Past, err error) {
	d := &divider{init: first.Init, o: o, breaks: first.Discontinuities, rec: rec}
	defer func() { err = errors.Join(err, d.rec.Close()) }()
	for i := len(clips) - 1; ; i-- {
		d.clip = &clips[i]
		if i == len(clips)-1 {
			err = d.endAt(at, first)
		}
		var part []*cmaf.Past
		if err == nil {
			err = d.rec.Mended(func() (err error) { part, err = d.divide(ctx); return err })
		}
		if err != nil {
			return nil, err
		}
		if len(list)+len(part) > o.Most {
			part = part[len(list)+len(part)-o.Most:]
			return append(part, list...), nil
		}
		if len(part) > 0 && d.rest != nil {
			d.append(part[len(part)-1])
		}
		if len(part) == 0 && i == len(clips)-1 {
			if err := d.leaveRest(); err != nil {
				return nil, err
			}
		}
		list = append(part, list...)
		if i == 0 || !clips[i].Joined || d.clip.FromNS != clip.Begin {
			return list, nil
		}
		if goesOn, err := d.enter(a.Library, &clips[i-1]); !goesOn {
			return list, err
		}
	}
}

// endAt makes the segment first, whose samples are at a place, follow those of the newest recording.
func (d *divider) endAt(at *place, first *cmaf.Past) error {
	d.tracks = tracksOf(d.rec, d.init)
	lead := d.init.Lead()
	x, err := d.rec.Sample(d.tracks[lead], at.first[lead])
	if err != nil {
		return err
	}
	d.stepNS = first.StartUTC - d.clip.UTC(media.ToNanos(x.DTS+int64(x.OffsetTicks), d.init.Track(lead).Timescale))
	d.shiftBy(first.Runs[lead].FromTicks - x.DTS)
	for i, track := range d.tracks {
		d.entries = append(d.entries, d.rec.Tracks[track].Entry)
		if at.first[i] >= 0 {
			s, err := d.rec.Sample(track, at.first[i])
			if err != nil {
				return err
			}
			d.shifts[i] = first.Runs[i].FromTicks - s.DTS
			d.ends = append(d.ends, at.first[i])
			continue
		}
		_, end, err := d.rec.Range(track, -1, media.FromNanos(media.ToNanos(x.DTS, d.init.Track(lead).Timescale), d.init.Track(i).Timescale))
		if err != nil {
			return err
		}
		d.ends = append(d.ends, end)
	}
	return nil
}

// shiftBy sets the shifts of all tracks by that of the lead track.
func (d *divider) shiftBy(leadTicks int64) {
	ns := media.ToNanos(leadTicks, d.init.Track(d.init.Lead()).Timescale)
	d.shifts = make([]int64, len(d.tracks))
	for i := range d.shifts {
		d.shifts[i] = media.FromNanos(ns, d.init.Track(i).Timescale)
	}
	d.shifts[d.init.Lead()] = leadTicks
}

// enter goes on with the recording before, which the present one has continued without a loss. goesOn is false if it has other tracks.
func (d *divider) enter(library *clip.Library, c *clip.Clip) (goesOn bool, err error) {
	lead := d.init.Lead()
	x, err := d.rec.Sample(d.tracks[lead], 0)
	if err != nil {
		return false, err
	}
	starts := x.DTS + d.shifts[lead]
	rec, err := library.Open(c.ID, c.Path)
	if err != nil {
		return false, gone(err)
	}
	err = d.rec.Close()
	d.rec, d.clip = rec, c
	if d.tracks = tracksOf(rec, d.init); d.tracks == nil || err != nil {
		return false, err
	}
	d.ends = d.ends[:0]
	for i, track := range d.tracks {
		if !bytes.Equal(rec.Tracks[track].Entry, d.entries[i]) {
			return false, nil
		}
		d.ends = append(d.ends, rec.Tracks[track].Samples)
	}
	last, err := rec.Sample(d.tracks[lead], rec.Tracks[d.tracks[lead]].Samples-1)
	if err != nil {
		return false, err
	}
	d.shiftBy(starts - last.DTS - last.DurationTicks)
	return true, nil
}

// divide returns the segments of the present recording.
func (d *divider) divide(ctx context.Context) (list []*cmaf.Past, err error) {
	lead := d.init.Lead()
	from := int64(0)
	if d.clip.FromNS != clip.Begin {
		from, _, err = d.rec.Range(d.tracks[lead], media.FromNanos(d.clip.FromNS, d.init.Track(lead).Timescale), 1<<62)
		if err != nil {
			return nil, err
		}
	}
	in, others := d.rec.Samples(d.tracks[lead], from, d.ends[lead]), d.others()
	var s *cmaf.Past
	var x isobmff.Sample
	for n := from; ; n++ {
		ok, err := in.Next(&x)
		if err != nil {
			return nil, err
		}
		if s != nil && (!ok || d.over(s, &x)) {
			if err := d.complete(s, others, !ok); err != nil {
				return nil, err
			}
			list, s = append(list, s), nil
		}
		if !ok {
			return list, ctx.Err()
		}
		if s == nil {
			if x.DTS+d.shifts[lead] < 0 || !x.Sync && len(list) == 0 {
				continue // before the time line begins, or nothing that a decoder can begin with
			}
			s = d.begin(&x, n)
			if err := d.skip(others, s, len(list) == 0); err != nil {
				return nil, err
			}
		}
		s.Runs[lead].Count(x.SizeBytes)
		s.Runs[lead].UntilTicks = x.DTS + x.DurationTicks + d.shifts[lead]
	}
}

// leaveRest keeps the samples of the present recording for the last segment of the one before: it has no picture for them.
func (d *divider) leaveRest() error {
	n := len(d.tracks)
	d.rest, d.runs = &place{id: d.clip.ID, path: d.clip.Path, first: make([]int64, n), count: make([]int64, n)}, make([]cmaf.Run, n)
	for i, f := range d.others() {
		if f == nil {
			continue
		}
		for err := f.next(); f.ok || err != nil; err = f.next() {
			if err != nil {
				return err
			}
			d.add(&d.runs[i], i, f)
		}
		d.rest.count[i] = d.runs[i].Samples
	}
	return nil
}

// add counts a follower's sample.
func (d *divider) add(r *cmaf.Run, track int, f *follower) {
	if r.Samples == 0 {
		r.FromTicks = f.x.DTS + d.shifts[track]
	}
	r.Count(f.x.SizeBytes)
	r.UntilTicks = f.x.DTS + f.x.DurationTicks + d.shifts[track]
}

// append adds the rest to a segment.
func (d *divider) append(s *cmaf.Past) {
	at := s.Place().(*place)
	at.rest, d.rest = d.rest, nil
	for i := range s.Runs {
		if r := &s.Runs[i]; r.Samples > 0 && d.runs[i].Samples > 0 {
			r.Samples, r.UntilTicks = r.Samples+d.runs[i].Samples, d.runs[i].UntilTicks
		} else {
			at.rest.count[i] = 0
		}
	}
}

// over reports whether a segment ends before the sample x of the lead track.
func (d *divider) over(s *cmaf.Past, x *isobmff.Sample) bool {
	lead, scale := d.init.Lead(), d.init.Track(d.init.Lead()).Timescale
	lasted := media.ToNanos(s.Runs[lead].UntilTicks-s.Runs[lead].FromTicks, scale)
	return x.Sync && lasted >= d.o.LeastNS || lasted+media.ToNanos(x.DurationTicks, scale) > d.o.LongestNS
}

// begin returns a segment that begins with sample n of the lead track, x.
func (d *divider) begin(x *isobmff.Sample, n int64) *cmaf.Past {
	lead := d.init.Lead()
	ns := media.ToNanos(x.DTS+int64(x.OffsetTicks), d.init.Track(lead).Timescale)
	s := &cmaf.Past{Init: d.init, StartUTC: d.clip.UTC(ns) + d.stepNS, Discontinuities: d.breaks, Runs: make([]cmaf.Run, len(d.tracks))}
	s.Runs[lead].FromTicks = x.DTS + d.shifts[lead]
	at := &place{id: d.clip.ID, path: d.clip.Path, first: make([]int64, len(d.tracks))}
	for i := range at.first {
		at.first[i] = -1
	}
	at.first[lead] = n
	s.SetPlace(at)
	return s
}

// follower reads the samples of another track than the lead track.
type follower struct {
	in *clip.Cursor
	x  isobmff.Sample
	n  int64 // number of x
	ok bool  // there is x
}

func (f *follower) next() (err error) {
	f.n++
	f.ok, err = f.in.Next(&f.x)
	return err
}

// others returns a follower for each track, which is nil for the lead track.
func (d *divider) others() []*follower {
	all := make([]*follower, len(d.tracks))
	for i, track := range d.tracks {
		if i != d.init.Lead() {
			all[i] = &follower{in: d.rec.Samples(track, 0, d.ends[i]), n: -1}
		}
	}
	return all
}

// skip moves the followers to the begin of the first segment, or to that of the recording: a recording may begin with sound.
func (d *divider) skip(others []*follower, s *cmaf.Past, first bool) error {
	lead, ns := d.init.Lead(), int64(0)
	if s.Place().(*place).first[lead] > 0 {
		ns = media.ToNanos(s.Runs[lead].FromTicks, d.init.Track(lead).Timescale)
	}
	for i, f := range others {
		if f == nil || !first {
			continue
		}
		for more := true; more; more = f.ok && d.ns(i, f) < ns {
			if err := f.next(); err != nil {
				return err
			}
		}
	}
	return nil
}

// ns returns the decode time of a follower's sample on the time line of the live stream.
func (d *divider) ns(track int, f *follower) int64 {
	return media.ToNanos(f.x.DTS+d.shifts[track], d.init.Track(track).Timescale)
}

// complete ends a segment: it gets the samples of the other tracks that are decoded before its end, and all that are left if it is the last one.
func (d *divider) complete(s *cmaf.Past, others []*follower, last bool) error {
	lead := d.init.Lead()
	scale := d.init.Track(lead).Timescale
	s.DurationNS = media.ToNanos(s.Runs[lead].UntilTicks-s.Runs[lead].FromTicks, scale)
	end := media.ToNanos(s.Runs[lead].UntilTicks, scale)
	at := s.Place().(*place)
	for i, f := range others {
		for f != nil && f.ok && (last || d.ns(i, f) < end) {
			r := &s.Runs[i]
			if r.Samples == 0 {
				at.first[i] = f.n
			}
			d.add(r, i, f)
			if err := f.next(); err != nil {
				return err
			}
		}
	}
	return nil
}
