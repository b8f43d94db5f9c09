package timeline

import (
	"cmp"
	"context"
	"math"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// The number of intervals in one answer.
const (
	MaxIntervals     = 10_000
	DefaultIntervals = 1_000
)

// Activity is the number of coded bytes in each interval of a span. In video coded at a constant
// quality, more bytes mean more changes. Of a recording without video it counts the bytes of its
// sound.
type Activity struct {
	StartUTC     int64   // begin of the first interval, ns UTC
	EndUTC       int64   // end of the span, in the last interval
	ResolutionNS int64   // length of an interval
	Bytes        []int64 // for each interval the bytes of the access units that are presented in it
	KeyBytes     []int64 // the part of Bytes that key frames of video have

	SinceUTC int64 // begin of the part that is counted, ns UTC; 0: all
	Unread   int   // recordings of which neither index nor tables can be read
}

// Intervals returns the length of the intervals for a span of lengthNS, and their number. It is
// resolutionNS, or the length for DefaultIntervals if that is 0. If there would be more than
// MaxIntervals, the length is that for MaxIntervals.
func Intervals(lengthNS, resolutionNS int64) (intervalNS, n int64) {
	intervalNS = cmp.Or(resolutionNS, divideUp(lengthNS, DefaultIntervals))
	intervalNS = max(intervalNS, divideUp(lengthNS, MaxIntervals), 1)
	return intervalNS, divideUp(lengthNS, intervalNS)
}

func divideUp(a, b int64) int64 {
	n := a / b
	if a%b > 0 {
		n++
	}
	return n
}

func newActivity(q *Request) Activity {
	interval, n := Intervals(q.EndUTC-q.StartUTC, q.ResolutionNS)
	return Activity{StartUTC: q.StartUTC, EndUTC: q.EndUTC, ResolutionNS: interval, Bytes: make([]int64, n), KeyBytes: make([]int64, n)}
}

// counted holds the activity of one recording, so that a damaged index, which is found in the
// middle, can be read again.
type counted struct {
	into        *Activity
	first       int64 // interval of bytes[0] and keys[0]
	bytes, keys []int64
	samples     int64
	endUTC      int64 // end of the last sample, ns UTC
}

// add adds the activity to that of the answer.
func (n *counted) add() {
	a := n.into
	for i := range n.bytes {
		a.Bytes[n.first+int64(i)] += n.bytes[i]
		a.KeyBytes[n.first+int64(i)] += n.keys[i]
	}
}

// clip counts the samples of a clip: those of its tracks of video, or those of its sound if it has
// no video.
func (n *counted) clip(ctx context.Context, r *clip.Recording, c *clip.Clip) error {
	lead := media.LeadOf(len(r.Tracks), func(i int) media.Kind { return r.Tracks[i].Kind() })
	for i := range r.Tracks {
		if kind := r.Tracks[i].Kind(); kind == r.Tracks[lead].Kind() && kind != media.Metadata {
			if err := n.track(ctx, r, c, i); err != nil {
				return err
			}
		}
	}
	return nil
}

// checkEvery is the number of samples after which the end of the context is noticed.
const checkEvery = 1 << 14

func (n *counted) track(ctx context.Context, r *clip.Recording, c *clip.Clip, track int) error {
	t := &r.Tracks[track]
	video := t.Kind() == media.Video
	first, end, err := r.Range(track, ticks(c.FromNS, t.Timescale), ticks(c.ToNS, t.Timescale))
	if err != nil {
		return err
	}
	var s isobmff.Sample
	samples := r.Samples(track, first, end)
	for k := first; ; k++ {
		ok, err := samples.Next(&s)
		if err != nil {
			return err
		}
		if !ok {
			return nil
		}
		if n.samples++; n.samples%checkEvery == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		pts := s.DTS + int64(s.OffsetTicks)
		ns := media.ToNanos(pts, t.Timescale)
		if ns < c.FromNS || ns >= c.ToNS {
			continue
		}
		utc := c.UTC(ns)
		if k >= end-lastSamples {
			n.endUTC = max(n.endUTC, c.UTC(media.ToNanos(pts+s.DurationTicks, t.Timescale)))
		}
		n.put(utc, int64(s.SizeBytes), video && s.Sync)
	}
}

// lastSamples is the number of samples at the end of a track among which the one that is presented
// last is: see isobmff.TableBuilder.
const lastSamples = 32

// ticks returns a bound of a clip in ticks.
func ticks(ns int64, timescale uint32) int64 {
	switch ns {
	case clip.Begin:
		return math.MinInt64
	case clip.End:
		return math.MaxInt64
	}
	return media.FromNanos(ns, timescale)
}

// put adds the bytes of a sample that is presented at a moment, ns UTC.
func (n *counted) put(utc, bytes int64, key bool) {
	if utc < n.into.StartUTC || utc >= n.into.EndUTC {
		return
	}
	i := (utc - n.into.StartUTC) / n.into.ResolutionNS
	if n.bytes == nil {
		n.first = i
	}
	if i < n.first { // a picture that is presented before the first one in decoding order
		more := make([]int64, n.first-i)
		n.bytes, n.keys, n.first = append(more, n.bytes...), append(make([]int64, len(more)), n.keys...), i
	}
	for i >= n.first+int64(len(n.bytes)) {
		n.bytes, n.keys = append(n.bytes, 0), append(n.keys, 0)
	}
	n.bytes[i-n.first] += bytes
	if key {
		n.keys[i-n.first] += bytes
	}
}
