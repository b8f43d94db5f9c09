package probe

import (
	"math"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// makeReport makes the report of the tracks. live: see trackProbe.report.
func makeReport(source string, tracks []*trackProbe, live bool) *Report {
	out := &Report{Source: source, Faults: []Fault{}}
	bytes := int64(0)
	for _, p := range tracks {
		out.Tracks = append(out.Tracks, p.report(live))
		out.Faults = append(out.Faults, p.found()...)
		out.DurationMS = max(out.DurationMS, out.Tracks[len(out.Tracks)-1].DurationMS)
		bytes += p.bytes
	}
	if out.DurationMS > 0 {
		out.BitrateBPS = float64(bytes) * 8000 / out.DurationMS
	}
	pictures, sound := first(tracks, media.Video), first(tracks, media.Audio)
	if pictures == nil || sound == nil {
		return out
	}
	offset := sound.startMS() - pictures.startMS()
	out.AVStartOffsetMS = &offset
	if math.Abs(offset) > maxStartOffsetMS {
		out.Faults = append(out.Faults, Fault{Kind: StartOffset, Count: 1, Places: []Place{{
			AtMS: min(sound.startMS(), pictures.startMS()), DurationMS: math.Abs(offset),
		}}})
	}
	return out
}

// first returns the first track of a kind that has access units, or nil.
func first(tracks []*trackProbe, kind media.Kind) *trackProbe {
	for _, p := range tracks {
		if p.units > 0 && p.track.Kind() == kind {
			return p
		}
	}
	return nil
}

func nsToMS(ns int64) float64 { return float64(ns) / float64(time.Millisecond) }
