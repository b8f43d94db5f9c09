package timeshift

import (
	"context"
	"fmt"
	"io/fs"
	"math"
	"time"

	"errors"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/egress/cmaf"
)

// Archive finds the segments of live streams in recordings. It implements cmaf.Archive.
type Archive struct {
	Library   *clip.Library
	Catalogue clip.Catalogue
}

// nearNS is how far the wall clock of a recording may be from that of the live stream: the pictures of a file that grows have no exact
// one.
const nearNS = int64(3 * time.Second)

// place is where the samples of a segment lie: the number of the first one of each track, -1 without a sample.
type place struct {
	id    media.ID
	path  string
	first []int64

	// rest holds the last samples of the segment, if those lie in the next recording: sound that precedes the first picture there.
	rest  *place
	count []int64 // of a rest: the number of its samples, by track
}

// Holds returns how many of the newest segments the rows of the recordings have.
func (a *Archive) Holds(ctx context.Context, path string, list []*cmaf.Past) (int, error) {
	clips, degraded, err := clip.Find(ctx, a.Catalogue, path, clip.Span{StartUTC: list[0].StartUTC - nearNS, EndUTC: list[len(list)-1].EndUTC() + nearNS})
	if err != nil || degraded {
		return len(list), err
	}
	there := map[media.ID]bool{}
	for i := range clips {
		there[clips[i].ID] = true
	}
	for i := len(list) - 1; i >= 0; i-- {
		s := list[i]
		if at, placed := s.Place().(*place); placed && there[at.id] && (at.rest == nil || there[at.rest.id]) || !placed && covered(clips, s.StartUTC+s.DurationNS/2) {
			continue
		}
		return len(list) - 1 - i, nil
	}
	return len(list), nil
}

// covered reports whether a clip has about a moment of the wall clock.
func covered(clips []clip.Clip, utc int64) bool {
	for i := range clips {
		c := &clips[i]
		begin, end := c.StartUTC, int64(math.MaxInt64)
		if n := len(c.Anchors); n > 0 && !c.Growing {
			begin, end = c.Anchors[0].UTC, c.Anchors[n-1].UTC
		}
		if i+1 < len(clips) && clips[i+1].Joined {
			end = max(end, clips[i+1].StartUTC)
		}
		if begin-nearNS <= utc && (end == math.MaxInt64 || utc <= end+nearNS) {
			return true
		}
	}
	return false
}

// Open opens the samples of a segment, for which it looks first if need be.
func (a *Archive) Open(ctx context.Context, path string, s *cmaf.Past) (cmaf.Samples, error) {
	if at, placed := s.Place().(*place); placed {
		rec, err := a.Library.Open(at.id, at.path)
		if err != nil {
			return nil, gone(err)
		}
		return a.opened(rec, s, at)
	}
	clips, _, err := clip.Find(ctx, a.Catalogue, path, clip.Span{StartUTC: s.StartUTC - nearNS, EndUTC: s.EndUTC() + nearNS})
	if err != nil {
		return nil, err
	}
	for i := range clips {
		rec, at, err := a.match(&clips[i], s)
		if err != nil {
			return nil, gone(err)
		}
		if at != nil {
			s.SetPlace(at)
			return a.opened(rec, s, at)
		}
	}
	return nil, cmaf.ErrNotRecorded
}

// gone returns the error of a segment whose file cannot be opened.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: %w", cmaf.ErrNotRecorded, err)
	}
	return err
}

// match opens a clip's recording if it has the samples of a segment, or returns nil.
func (a *Archive) match(c *clip.Clip, s *cmaf.Past) (rec *clip.Recording, at *place, err error) {
	rec, err = a.Library.Open(c.ID, c.Path)
	if err != nil {
		return nil, nil, err
	}
	defer func() {
		if at == nil {
			err = errors.Join(err, rec.Close())
			rec = nil
		}
	}()
	tracks := tracksOf(rec, s.Init)
	if tracks == nil {
		return rec, nil, nil
	}
	err = rec.Mended(func() error {
		first, found, err := find(rec, tracks, c, s)
		if found {
			at = &place{id: c.ID, path: c.Path, first: first}
		}
		return err
	})
	return rec, at, err
}

// tracksOf returns, for each track of an Init, the index of that track in a recording; nil if the recording lacks one.
func tracksOf(rec *clip.Recording, init *cmaf.Init) (tracks []int) {
	used := map[int]bool{}
	for i := range init.Len() {
		t, found := init.Track(i), -1
		for k := range rec.Tracks {
			r := &rec.Tracks[k]
			if found < 0 && !used[k] && r.Kind() == t.Kind() && r.Timescale == t.Timescale {
				found = k
			}
		}
		if found < 0 {
			return nil
		}
		used[found] = true
		tracks = append(tracks, found)
	}
	return tracks
}

// find looks for the samples of a segment in a recording: first those of the lead track, then those of the others beside them.
func find(rec *clip.Recording, tracks []int, c *clip.Clip, s *cmaf.Past) (first []int64, found bool, err error) {
	lead := s.Init.Lead()
	track, scale := tracks[lead], s.Init.Track(lead).Timescale
	about := media.FromNanos(mediaAt(c, s.StartUTC), scale)
	n, dts, err := nearest(rec, track, about, media.FromNanos(nearNS, scale), &s.Runs[lead], true)
	if n < 0 || err != nil {
		return nil, false, err
	}
	shiftNS := media.ToNanos(s.Runs[lead].FromTicks-dts, scale)
	first = make([]int64, len(tracks))
	for i := range tracks {
		switch scale := s.Init.Track(i).Timescale; {
		case i == lead:
			first[i] = n
		case s.Runs[i].Samples == 0:
			first[i] = -1
		default:
			about := s.Runs[i].FromTicks - media.FromNanos(shiftNS, scale)
			first[i], _, err = nearest(rec, tracks[i], about, media.FromNanos(otherNearNS, scale), &s.Runs[i], false)
			if first[i] < 0 || err != nil {
				return nil, false, err
			}
		}
	}
	return first, true, nil
}

// otherNearNS is how far a sample of another track may be from its place beside the lead track.
const otherNearNS = int64(100 * time.Millisecond)

// nearest returns the number and the decode time of the sample near a time with which the samples of a run begin, or -1. Of several it is
// the nearest one. The time is a presentation time with key, for a sync sample, and else a decode time.
func nearest(rec *clip.Recording, track int, about, near int64, run *cmaf.Run, key bool) (n, dts int64, err error) {
	from, end, err := rec.Range(track, about-near, about+near)
	if err != nil {
		return -1, 0, err
	}
	best, cursor := near+1, rec.Samples(track, from, end)
	n = -1
	var x isobmff.Sample
	for k := from; ; k++ {
		if ok, err := cursor.Next(&x); !ok || err != nil {
			return n, dts, err
		}
		at := x.DTS
		if key {
			at += int64(x.OffsetTicks)
		}
		off := max(at-about, about-at)
		if off >= best || x.SizeBytes != run.FirstBytes || key && !x.Sync {
			continue
		}
		same, err := begins(rec, track, k, run)
		if err != nil {
			return -1, 0, err
		}
		if same {
			n, dts, best = k, x.DTS, off
		}
	}
}

// begins reports whether the samples of a run begin with number n of a track.
func begins(rec *clip.Recording, track int, n int64, run *cmaf.Run) (bool, error) {
	if n+run.Samples > rec.Tracks[track].Samples {
		return false, nil
	}
	var got cmaf.Run
	cursor := rec.Samples(track, n, n+run.Samples)
	var x isobmff.Sample
	for {
		ok, err := cursor.Next(&x)
		if err != nil {
			return false, err
		}
		if !ok {
			return got.Samples == run.Samples && got.Sizes == run.Sizes, nil
		}
		got.Count(x.SizeBytes)
	}
}

// mediaAt returns the media time of a moment of the wall clock, ns.
func mediaAt(c *clip.Clip, utc int64) int64 {
	if len(c.Anchors) > 0 {
		return c.Anchors.Media(utc)
	}
	return utc - c.StartUTC
}
