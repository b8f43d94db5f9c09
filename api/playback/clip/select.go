package clip

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/media"
)

// Clip is the part of one recording that lies in a span.
type Clip struct {
	ID       media.ID
	Path     string // final name of the file, below the record directory; a growing file is found by it, too
	Pipeline string
	StartUTC int64         // wall clock of media time 0, ns UTC
	EndUTC   int64         // wall clock at the end of the recording, as Wall has it
	Anchors  media.Anchors // of the recording; immutable
	Growing  bool          // the catalogue lists the file as growing
	Mended   bool          // the file was recovered after a crash: between its chunks may be damaged ones

	// FromNS and ToNS bound the samples by their presentation time: FromNS <= PTS < ToNS, in ns of the
	// recording's media time. They are Begin and End where the span begins before the recording, and ends after it.
	FromNS, ToNS int64

	// Joined reports that the previous clip's recording was continued by this one without a loss: the
	// first sample of each track follows the last one there.
	Joined bool
	// Cause names the loss before this clip; empty if Joined, for the first clip, and if unknown.
	Cause media.Cause
}

// Begin and End are the bounds of a clip that has all samples of its recording.
const (
	Begin = math.MinInt64
	End   = math.MaxInt64
)

// Span is an interval of the wall clock of one stream.
type Span struct {
	StartUTC, EndUTC int64  // ns UTC
	Pipeline         string // only the recordings of this pipeline; empty: of any, see Select
	Pin              Pin    // the zero value: none
}

// Pin fixes the part of one recording that a span selects, by media time. A span that ends in a growing file is
// pinned, because the anchors of a file are known only when it is finished.
type Pin struct {
	ID           media.ID
	FromNS, ToNS int64
}

// joinedWithin is the difference between the end of a recording and the begin of the next one,
// by the wall clock, up to which the two can be one uninterrupted take. Drift and steps of the clock
// make such differences.
const joinedWithin = int64(time.Second)

// Select returns the clips of a span, in order, from rows that the catalogue lists for the span's stream and
// interval, the oldest first. It leaves out recordings whose file is not on this recorder's disk, and those
// of which no part is in the span.
//
// If several pipelines have recorded the stream at one time, the clips of one do not overlap those of another: a
// recording is played to its end, or as far as the span reaches, then comes the recording that covers the next
// moment, of the same pipeline if there is one.
func Select(rows []media.Record, span Span) []Clip {
	var out []Clip
	var last *media.Record
	covered := int64(math.MinInt64) // the end of the last clip on the wall clock
	for _, r := range inOrder(rows, span) {
		begin, end := Wall(r)
		if begin >= span.EndUTC || !r.Growing() && end <= max(span.StartUTC, covered) {
			continue
		}
		c := Clip{ID: r.ID, Path: strings.TrimSuffix(r.Path, media.PartSuffix), Pipeline: r.Pipeline, StartUTC: r.StartUTC, EndUTC: end, Anchors: r.Anchors, Growing: r.Growing(), Mended: r.State == media.StateRecovered, FromNS: Begin, ToNS: End}
		if last != nil {
			c.Joined = r.Gap.None() && r.Pipeline == last.Pipeline && abs(begin-covered) <= joinedWithin
			if !c.Joined {
				c.Cause = r.Gap.Cause
			}
		}
		from := span.StartUTC
		if !c.Joined {
			from = max(from, covered)
		}
		if from > begin {
			c.FromNS = mediaAt(r, from)
		}
		if span.EndUTC < end || r.Growing() {
			c.ToNS = mediaAt(r, span.EndUTC)
		}
		if span.Pin.ID == r.ID {
			c.FromNS, c.ToNS = span.Pin.FromNS, span.Pin.ToNS
		}
		if c.FromNS < c.ToNS {
			out, last, covered = append(out, c), r, end
			if r.Growing() {
				covered = math.MaxInt64
			}
		}
	}
	return out
}

// inOrder returns the rows whose file is here, by their start. Of rows that begin within the same second those of
// the pipeline that covers more of the span come first.
func inOrder(rows []media.Record, span Span) []*media.Record {
	var out []*media.Record
	reach := map[string]int64{}
	for i := range rows {
		r := &rows[i]
		if !r.State.Here() || r.Elsewhere || span.Pipeline != "" && r.Pipeline != span.Pipeline {
			continue
		}
		begin, end := Wall(r)
		if r.Growing() {
			end = span.EndUTC
		}
		reach[r.Pipeline] += max(min(end, span.EndUTC)-max(begin, span.StartUTC), 0)
		out = append(out, r)
	}
	slices.SortStableFunc(out, func(a, b *media.Record) int {
		if n := cmp.Compare(a.StartUTC/joinedWithin, b.StartUTC/joinedWithin); n != 0 {
			return n
		}
		if n := cmp.Compare(reach[b.Pipeline], reach[a.Pipeline]); n != 0 {
			return n
		}
		return cmp.Compare(a.StartUTC, b.StartUTC)
	})
	return out
}

// Wall returns the interval of the wall clock that a recording covers. The end of a growing recording is
// unknown, and then its begin.
func Wall(r *media.Record) (begin, end int64) {
	begin, end = r.StartUTC, r.EndUTC
	if n := len(r.Anchors); n > 0 {
		begin, end = r.Anchors[0].UTC, max(end, r.Anchors[n-1].UTC)
	}
	return begin, max(end, begin)
}

// UTC returns the wall clock of a moment of the recording's media, ns UTC.
func (c *Clip) UTC(mediaNS int64) int64 {
	if len(c.Anchors) > 0 {
		return c.Anchors.At(mediaNS)
	}
	return c.StartUTC + mediaNS
}

// Media returns the media time of a moment of the wall clock, ns UTC: the inverse of UTC.
func (c *Clip) Media(utc int64) int64 {
	if len(c.Anchors) > 0 {
		return c.Anchors.Media(utc)
	}
	return utc - c.StartUTC
}

// mediaAt returns the media time of a moment of the wall clock in a recording.
func mediaAt(r *media.Record, utc int64) int64 {
	if len(r.Anchors) > 0 {
		return r.Anchors.Media(utc)
	}
	return utc - r.StartUTC
}

func abs(n int64) int64 { return max(n, -n) }
