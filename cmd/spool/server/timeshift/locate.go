package timeshift

import (
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/egress/cmaf"
)

// candidate is a sample near a segment.
type candidate struct {
	clip       int // index of the clip that has it
	n          int64
	utc, shown int64 // wall clock of its decode time and of its presentation, ns
	sizeBytes  uint32
}

// locate looks for the samples of a segment in clips, or returns nil.
func locate(recs *recordings, clips []clip.Clip, s *cmaf.Past) (*place, error) {
	for from := 0; from < len(clips); {
		end := from + 1
		for end < len(clips) && clips[end].Joined {
			end++
		}
		at, err := locateIn(recs, clips[from:end], s)
		if at != nil || err != nil {
			return at, err
		}
		from = end
	}
	return nil, nil
}

// locateIn looks in recordings that continue each other.
func locateIn(recs *recordings, clips []clip.Clip, s *cmaf.Past) (*place, error) {
	near, leadNear := make([][]candidate, s.Init.Len()), nearNS
	for k := range clips {
		within := nearOf(&clips[k], s)
		if begin, end := wall(&clips[k]); begin-within > s.EndUTC() || s.StartUTC-within > end {
			continue
		}
		leadNear = max(leadNear, within)
		rec, err := recs.get(clips[k].ID, clips[k].Path)
		if err != nil {
			return nil, err
		}
		tracks := tracksOf(rec, s.Init)
		if tracks == nil {
			return nil, nil
		}
		err = rec.Mended(func() error {
			for i, track := range tracks {
				kept := len(near[i])
				for kept > 0 && near[i][kept-1].clip == k { // of a call that has found the index damaged
					kept--
				}
				var err error
				if near[i], err = gather(near[i][:kept], rec, track, &clips[k], k, s); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	lead := s.Init.Lead()
	at := nearest(near[lead], &s.Runs[lead], s.StartUTC, leadNear, func(c *candidate) int64 { return c.shown })
	if at < 0 {
		return nil, nil
	}
	begins := near[lead][at].utc
	out := &place{pieces: make([]piece, len(clips))}
	for k := range clips {
		out.pieces[k] = piece{clips[k].ID, clips[k].Path, make([]int64, len(near)), make([]int64, len(near))}
	}
	for i := range near {
		run := &s.Runs[i]
		if run.Samples == 0 {
			continue
		}
		first := at
		if i != lead {
			beside := media.ToNanos(run.FromTicks, s.Init.Track(i).Timescale) - media.ToNanos(s.Runs[lead].FromTicks, s.Init.Track(lead).Timescale)
			first = nearest(near[i], run, begins+beside, soundNearNS, func(c *candidate) int64 { return c.utc })
		}
		if first < 0 {
			return nil, nil
		}
		for _, c := range near[i][first:][:run.Samples] {
			p := &out.pieces[c.clip]
			if p.count[i] == 0 {
				p.first[i] = c.n
			}
			p.count[i]++
		}
	}
	return out.compact(), nil
}

// compact removes the pieces without a sample.
func (p *place) compact() *place {
	kept := p.pieces[:0]
	for _, one := range p.pieces {
		for _, n := range one.count {
			if n > 0 {
				kept = append(kept, one)
				break
			}
		}
	}
	p.pieces = kept
	return p
}

// nearOf returns how far the wall clock of a clip may be from that of a segment, ns: a camera's clock runs away from the machine's, and a
// file that grows does not say how far.
func nearOf(c *clip.Clip, s *cmaf.Past) int64 {
	if !c.Growing {
		return nearNS
	}
	return nearNS + max(s.StartUTC-c.StartUTC, 0)/500
}

// gather appends the samples of a track of a clip, number k, that are near a segment.
func gather(to []candidate, rec *clip.Recording, track int, c *clip.Clip, k int, s *cmaf.Past) ([]candidate, error) {
	scale := rec.Tracks[track].Timescale
	within := nearOf(c, s)
	from, until := s.StartUTC-within, s.EndUTC()+within
	first, end, err := rec.Range(track, media.FromNanos(mediaAt(c, from), scale), media.FromNanos(mediaAt(c, until), scale))
	if err != nil {
		return to, err
	}
	in := rec.Samples(track, first, end)
	var x isobmff.Sample
	for n := first; ; n++ {
		if ok, err := in.Next(&x); !ok || err != nil {
			return to, err
		}
		shown := c.UTC(media.ToNanos(x.DTS+int64(x.OffsetTicks), scale))
		if shown >= from { // before are those that a decoder needs
			to = append(to, candidate{k, n, shown - media.ToNanos(int64(x.OffsetTicks), scale), shown, x.SizeBytes})
		}
	}
}

// nearest returns the index of the sample with which the samples of a run begin, or -1: of several the one that is nearest to a time.
func nearest(list []candidate, run *cmaf.Run, about, near int64, at func(*candidate) int64) int {
	best, found := near+1, -1
	for k := 0; k+int(run.Samples) <= len(list); k++ {
		off := at(&list[k]) - about
		if off = max(off, -off); off >= best || list[k].sizeBytes != run.FirstBytes {
			continue
		}
		var got cmaf.Run
		for _, c := range list[k:][:run.Samples] {
			got.Count(c.sizeBytes)
		}
		if got.Sizes == run.Sizes {
			best, found = off, k
		}
	}
	return found
}
