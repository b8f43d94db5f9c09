package timeshift

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/egress/cmaf"
)

// Before returns the segments of an uninterrupted recording that precede the segment first.
func (a *Archive) Before(ctx context.Context, path string, first *cmaf.Past, o cmaf.Division) (list []*cmaf.Past, err error) {
	done, err := a.turn(ctx)
	if err != nil {
		return nil, err
	}
	defer done()
	clips, _, err := clip.Find(ctx, a.catalogue, path, clip.Span{StartUTC: o.FromUTC, EndUTC: first.EndUTC() + nearNS})
	if err != nil || len(clips) == 0 {
		return nil, err
	}
	recs := &recordings{library: a.library, open: map[media.ID]*clip.Recording{}}
	defer func() { err = errors.Join(err, recs.Close()) }()
	at, err := locate(recs, clips, first)
	if err != nil {
		return nil, err
	}
	if at == nil {
		if clips[len(clips)-1].Growing {
			return nil, cmaf.ErrNotYet
		}
		return nil, nil
	}
	d := &divider{init: first.Init, o: o, breaks: first.Discontinuities, at: at}
	return d.before(ctx, recs, clips, first)
}

// divider divides recordings into segments, from the newest recording to the oldest.
type divider struct {
	init   *cmaf.Init
	o      cmaf.Division
	at     *place // of the segment that follows the divided ones
	stepNS int64  // added to the wall clock of a recording to get that of the live stream
	breaks int    // discontinuities before the segments

	rec     *clip.Recording
	clip    *clip.Clip
	tracks  []int      // of rec, by track of init
	shifts  []int64    // added to the decode times of rec, by track of init, ticks
	ends    []int64    // number behind the last sample, by track of init
	rest    *piece     // samples of the newest recording that belong to the last segment of the one before
	runs    []cmaf.Run // of the rest
	entries [][]byte   // sample entries of the newest recording, by track of init
}

// before divides the clips up to the one that has the first sample of the segment first.
func (d *divider) before(ctx context.Context, recs *recordings, clips []clip.Clip, first *cmaf.Past) (list []*cmaf.Past, err error) {
	i := d.newest(clips)
	if err := d.begins(recs, &clips[i], first); err != nil {
		return nil, err
	}
	for newest := true; ; newest = false {
		var part []*cmaf.Past
		err := d.rec.Mended(func() (err error) { part, err = d.divide(ctx); return err })
		if err == nil && newest && len(part) == 0 {
			err = d.leaveRest()
		}
		if err != nil {
			return nil, err
		}
		if len(part) > 0 && d.rest != nil {
			d.append(part[len(part)-1])
		}
		if more := len(list) + len(part) - d.o.Most; more > 0 {
			return append(part[more:], list...), nil
		}
		list = append(part, list...)
		if i == 0 || !clips[i].Joined || d.clip.FromNS != clip.Begin {
			return list, nil
		}
		i--
		if goesOn, err := d.enter(recs, &clips[i]); !goesOn {
			return list, err
		}
	}
}

// newest returns the index of the clip that has the first sample of the lead track at d.at.
func (d *divider) newest(clips []clip.Clip) int {
	return slices.IndexFunc(clips, func(c clip.Clip) bool {
		return slices.ContainsFunc(d.at.pieces, func(p piece) bool { return p.id == c.ID && p.count[d.init.Lead()] > 0 })
	})
}

// begins makes the segment first follow the samples of its recording.
func (d *divider) begins(recs *recordings, c *clip.Clip, first *cmaf.Past) (err error) {
	if d.rec, err = recs.get(c.ID, c.Path); err != nil {
		return err
	}
	d.clip, d.tracks = c, tracksOf(d.rec, d.init)
	lead := d.init.Lead()
	own := d.own(c)
	x, err := d.rec.Sample(d.tracks[lead], own.first[lead])
	if err != nil {
		return err
	}
	d.stepNS = first.StartUTC - c.UTC(media.ToNanos(x.DTS+int64(x.OffsetTicks), d.init.Track(lead).Timescale))
	d.shiftBy(first.Runs[lead].FromTicks - x.DTS)
	for i, track := range d.tracks {
		d.entries = append(d.entries, d.rec.Tracks[track].Entry)
		switch {
		case own.count[i] > 0:
			d.ends = append(d.ends, own.first[i])
		case first.Runs[i].Samples > 0: // it begins in another recording
			d.ends = append(d.ends, 0)
		default:
			_, end, err := d.rec.Range(track, -1, media.FromNanos(media.ToNanos(x.DTS, d.init.Track(lead).Timescale), d.init.Track(i).Timescale))
			if err != nil {
				return err
			}
			d.ends = append(d.ends, end)
		}
	}
	return nil
}

// own returns the piece of d.at that lies in a clip, or nil.
func (d *divider) own(c *clip.Clip) *piece {
	for k := range d.at.pieces {
		if d.at.pieces[k].id == c.ID {
			return &d.at.pieces[k]
		}
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
func (d *divider) enter(recs *recordings, c *clip.Clip) (goesOn bool, err error) {
	lead := d.init.Lead()
	x, err := d.rec.Sample(d.tracks[lead], 0)
	if err != nil {
		return false, err
	}
	starts := x.DTS + d.shifts[lead]
	rec, err := recs.get(c.ID, c.Path)
	if err != nil {
		return false, err
	}
	if err := recs.drop(d.rec); err != nil { // a window may have hundreds of files
		return false, err
	}
	d.rec, d.clip = rec, c
	if d.tracks = tracksOf(rec, d.init); d.tracks == nil {
		return false, nil
	}
	d.ends = d.ends[:0]
	for i, track := range d.tracks {
		if !bytes.Equal(rec.Tracks[track].Entry, d.entries[i]) {
			return false, nil
		}
		end := rec.Tracks[track].Samples
		if own := d.own(c); own != nil && own.count[i] > 0 { // sound of the segment first
			end = own.first[i]
		}
		d.ends = append(d.ends, end)
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
	d.rest, d.runs = &piece{id: d.clip.ID, path: d.clip.Path, first: make([]int64, n), count: make([]int64, n)}, make([]cmaf.Run, n)
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
	at.pieces = append(at.pieces, *d.rest)
	d.rest = nil
	for i := range s.Runs {
		if r, more := &s.Runs[i], &d.runs[i]; more.Samples > 0 {
			if r.Samples == 0 {
				r.FromTicks = more.FromTicks
			}
			r.Samples, r.UntilTicks = r.Samples+more.Samples, more.UntilTicks
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
	at := piece{d.clip.ID, d.clip.Path, make([]int64, len(d.tracks)), make([]int64, len(d.tracks))}
	at.first[lead] = n
	s.SetPlace(&place{[]piece{at}})
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
	if s.Place().(*place).pieces[0].first[lead] > 0 {
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
	at := &s.Place().(*place).pieces[0]
	at.count[lead] = s.Runs[lead].Samples
	for i, f := range others {
		for f != nil && f.ok && (last || d.ns(i, f) < end) {
			r := &s.Runs[i]
			if r.Samples == 0 {
				at.first[i] = f.n
			}
			d.add(r, i, f)
			at.count[i]++
			if err := f.next(); err != nil {
				return err
			}
		}
	}
	return nil
}
