package probe

import (
	"cmp"
	"slices"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// unit is an access unit as a trackProbe needs it. Times are ticks of the track.
type unit struct {
	dts, offset int64 // offset: presentation time - decoding time
	duration    int64 // as the source gives it; it counts for the last access unit only
	bytes       int64
	sync        bool
}

// place is a place of a fault, in ticks.
type place struct{ at, duration int64 }

// trackProbe gathers the figures of one track from its access units in decoding order.
type trackProbe struct {
	track      *media.Track
	number     int   // of the track, from 1
	shiftTicks int64 // added to the times by the edit list

	units, bytes int64
	last         unit
	startTicks   int64 // decoding time of the first access unit
	firstPTS     int64 // earliest presentation time up to the second sync sample
	endTicks     int64 // latest end of an access unit

	durations distribution // of access units, ticks
	longest   []place      // the longest access units, the longest first
	faults    map[FaultKind]*faultTicks
	gops      gops
}

// faultTicks counts faults of one kind, with their first places.
type faultTicks struct {
	count  int64
	places []place
}

func newTrackProbe(t *media.Track, number int, shiftTicks int64) *trackProbe {
	return &trackProbe{track: t, number: number, shiftTicks: shiftTicks, faults: map[FaultKind]*faultTicks{}}
}

// add adds the next access unit. closes reports whether no picture after a sync sample can refer to pictures before
// it; add calls it only for a sync sample of a GOP that may be open, and before the next add of a sync sample.
func (p *trackProbe) add(u unit, closes func() bool) {
	if p.units == 0 {
		p.startTicks, p.firstPTS, p.endTicks = u.dts, u.dts+u.offset, u.dts
	} else {
		p.lasted(u.dts - p.last.dts)
	}
	if p.track.Kind() == media.Video {
		p.gops.add(u, closes)
		if p.gops.begun < 2 {
			p.firstPTS = min(p.firstPTS, u.dts+u.offset)
		}
	}
	p.units, p.bytes, p.last = p.units+1, p.bytes+u.bytes, u
	p.endTicks = max(p.endTicks, u.dts+u.duration)
}

// lasted adds the duration of the last access unit, and its fault if there is one.
func (p *trackProbe) lasted(ticks int64) {
	switch {
	case ticks < 0:
		p.fault(TimeBack, place{p.last.dts, -ticks})
	case ticks == 0:
		p.fault(ZeroDuration, place{p.last.dts, 0})
	default:
		p.durations.add(ticks)
		p.long(place{p.last.dts, ticks})
	}
}

// long keeps a place if it is one of the longest.
func (p *trackProbe) long(at place) {
	if len(p.longest) == maxPlaces && at.duration <= p.longest[maxPlaces-1].duration {
		return
	}
	i, _ := slices.BinarySearchFunc(p.longest, at, func(a, b place) int {
		if a.duration >= b.duration {
			return -1
		}
		return 1
	})
	p.longest = slices.Insert(p.longest, i, at)
	p.longest = p.longest[:min(len(p.longest), maxPlaces)]
}

func (p *trackProbe) fault(kind FaultKind, at place) {
	f := p.faults[kind]
	if f == nil {
		f = &faultTicks{}
		p.faults[kind] = f
	}
	if f.count++; len(f.places) < maxPlaces {
		f.places = append(f.places, at)
	}
}

// ms converts ticks of the track to milliseconds.
func (p *trackProbe) ms(ticks float64) float64 { return ticks * 1000 / float64(p.track.Timescale) }

func (p *trackProbe) spread(d *distribution, limit int64) Spread {
	return Spread{
		Min: p.ms(float64(d.least)), Median: p.ms(float64(d.median())), Max: p.ms(float64(d.most)), Deviation: p.ms(d.deviation(limit)),
	}
}

// gapTicks returns the least duration of an access unit that is a gap.
func (p *trackProbe) gapTicks() int64 {
	median := float64(p.durations.median())
	return int64(max(median*gapTimes, median+gapLeastMS*float64(p.track.Timescale)/1000)) + 1
}

// startMS returns the presentation time of the first access unit. Access units before the begin of the edit list are
// not presented.
func (p *trackProbe) startMS() float64 {
	start := p.firstPTS + p.shiftTicks
	if p.shiftTicks < 0 {
		start = max(start, 0)
	}
	return p.ms(float64(start))
}

// report returns the figures of the track. live reports that more access units would follow: the last GOP is then
// incomplete and does not count, unless it is the only one.
func (p *trackProbe) report(live bool) Track {
	t := p.track
	out := Track{
		Track: p.number, Kind: t.Kind().String(), Codec: t.Codec.String(), Language: t.Language,
		WidthPixels: t.Width, HeightPixels: t.Height, SampleRateHz: t.SampleRate, Channels: t.Channels, TimescaleHz: t.Timescale,
		AccessUnits: p.units, SizeBytes: p.bytes, StartMS: p.startMS(), DurationMS: p.ms(float64(p.endTicks - p.startTicks)),
	}
	if c := codec.Of(t.Codec); c != nil && c.MIME != nil {
		out.MIME = c.MIME(t)
	}
	if out.DurationMS > 0 {
		out.BitrateBPS = float64(p.bytes) * 8000 / out.DurationMS
	}
	if p.durations.n > 0 {
		s := p.spread(&p.durations, p.gapTicks())
		out.AccessUnitMS = &s
	}
	if t.Kind() == media.Video && p.units > 0 {
		if out.DurationMS > 0 {
			out.FrameRateFPS = float64(p.units) * 1000 / out.DurationMS
		}
		out.GOPs = p.gops.report(p, live)
	}
	return out
}

// found returns the faults of the track, in a fixed order.
func (p *trackProbe) found() (list []Fault) {
	for _, kind := range []FaultKind{TimeBack, ZeroDuration, TimeGap, Jitter, BeyondData} {
		f := Fault{Kind: kind, Track: p.number}
		switch kind {
		case TimeGap:
			if p.durations.n > 1 {
				limit := p.gapTicks()
				f.Count = p.durations.from(limit)
				f.Places = p.places(slices.DeleteFunc(slices.Clone(p.longest), func(at place) bool { return at.duration < limit }))
			}
		case Jitter:
			if p.durations.n > 1 && p.durations.deviation(p.gapTicks()) > jitterShare*float64(p.durations.median()) {
				f.Count = 1
			}
		default:
			if own := p.faults[kind]; own != nil {
				f.Count, f.Places = own.count, p.places(own.places)
			}
		}
		if f.Count > 0 {
			list = append(list, f)
		}
	}
	return list
}

// places converts places, and sorts them by time.
func (p *trackProbe) places(list []place) (out []Place) {
	for _, at := range list {
		out = append(out, Place{AtMS: p.ms(float64(at.at + p.shiftTicks)), DurationMS: p.ms(float64(at.duration))})
	}
	slices.SortStableFunc(out, func(a, b Place) int { return cmp.Compare(a.AtMS, b.AtMS) })
	return out
}
