package clip

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// silentNS is the time without a sample after which a track does not hold back Settled: sound that has ended, or rare metadata.
const silentNS = int64(5 * time.Second)

// Settled returns the media time, in ns, up to which the samples of a growing recording will not change: no sample that is
// presented before it is still to come, and the duration of each is known.
func (r *Recording) Settled() (ns int64, err error) {
	ends := make([]int64, len(r.Tracks))
	newest := int64(math.MinInt64)
	for i := range r.Tracks {
		t := &r.Tracks[i]
		if ends[i], err = r.settled(i); err != nil {
			return 0, err
		}
		ends[i] = media.ToNanos(ends[i], t.Timescale)
		newest = max(newest, ends[i])
	}
	ns = newest
	for i, end := range ends {
		if r.Tracks[i].Kind() != media.Metadata && end > newest-silentNS {
			ns = min(ns, end)
		}
	}
	return max(ns, 0), nil
}

// settled returns the decode time of the last sample of a track, less the reordering: the samples to come are presented later.
func (r *Recording) settled(track int) (ticks int64, err error) {
	t := &r.Tracks[track]
	last, err := r.Sample(track, t.Samples-1)
	return last.DTS + min(int64(t.MinOffsetTicks), 0), err
}

// Sample returns one sample of a track.
func (r *Recording) Sample(track int, n int64) (s isobmff.Sample, err error) {
	ok, err := r.Samples(track, n, n+1).Next(&s)
	if err == nil && !ok {
		err = fmt.Errorf("track %d has no sample %d", r.Tracks[track].ID, n)
	}
	return s, err
}

// String formats a pin for a URL: ID_FROM_TO, or nothing for the zero value.
func (p Pin) String() string {
	if p == (Pin{}) {
		return ""
	}
	from := ""
	if p.FromNS != Begin {
		from = strconv.FormatInt(p.FromNS, 10)
	}
	return fmt.Sprintf("%s_%s_%d", p.ID, from, p.ToNS)
}

// ParsePin reads the result of Pin.String.
func ParsePin(text string) (p Pin, err error) {
	wrong := fmt.Errorf("%.80q is not a pin, which only a redirect of this server makes", text)
	parts := strings.Split(text, "_")
	if len(parts) != 3 {
		return p, wrong
	}
	if p.ID, err = media.ParseID(parts[0]); err != nil {
		return p, wrong
	}
	if p.FromNS = Begin; parts[1] != "" {
		if p.FromNS, err = strconv.ParseInt(parts[1], 10, 64); err != nil {
			return p, wrong
		}
	}
	if p.ToNS, err = strconv.ParseInt(parts[2], 10, 64); err != nil {
		return p, wrong
	}
	return p, nil
}
