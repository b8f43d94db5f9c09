package movie

import (
	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// part holds the samples that one clip adds to a track: those of one track of the clip's recording, from number first up
// to but not including end.
type part struct {
	source     int    // index of the clip in Movie.sources
	track      int    // track of the recording
	number     int    // of the track among the recording's tracks of its kind, from 1
	timescale  uint32 // of that track
	entry      uint32 // number of the sample entry in the movie's track, from 1
	first, end int64

	counts
	shown

	// Set by the layout, in ticks of the movie's track.
	zeroTicks int64 // time in the movie of the recording's media time 0
	lastTicks int64 // duration of the last sample

	mediaAt int64 // offset of the part's samples in the movie, if its source is not in the movie as a whole
}

// counts holds the number of entries that the samples of a part have in each table.
type counts struct {
	durations int64 // runs of equal durations among all samples but the last
	offsets   int64 // runs of equal composition offsets
	syncs     int64
	stretches int64 // runs of samples that are contiguous in the file
	duration  int64 // of the first run; 0 for one sample
	offset    int64 // of the first run
	bytes     int64 // of the samples
	negative  bool  // a composition offset is negative
	least     int64 // least composition offset, at most 0
	shifted   bool  // a composition offset is not 0
}

// shown holds times of a part in ticks of the recording's track.
type shown struct {
	firstDTS, lastDTS, endDTS int64 // decode times of the first and the last sample, and the end of the last one
	firstPTS                  int64 // least presentation time
	startPTS                  int64 // least presentation time in the clip; unseen: no sample is presented in the clip
	endPTS                    int64 // greatest end of a sample that is presented in the clip
	fromByte, toByte          int64 // bounds of the samples in the file
}

// unseen is shown.startPTS of a part without a sample that is presented in the clip.
const unseen = int64(1<<63 - 1)

func (p *part) samples() int64 { return p.end - p.first }

// tighten leaves out samples at the begin of a part that only pictures before the clip need: where the first picture in the clip is a
// sync sample, the GOP before it.
func (p *part) tighten(r *clip.Recording, fromTicks, toTicks int64) error {
	if p.startPTS == unseen || p.startPTS <= fromTicks || r.Tracks[p.track].Kind() != media.Video {
		return nil
	}
	first, _, err := r.Range(p.track, p.startPTS, toTicks)
	if err != nil || first <= p.first {
		return err
	}
	p.first = first
	return p.measure(r, fromTicks, toTicks)
}

// entrance returns the number of the first sample of a part at which a clip after the first one begins: a sync sample that
// is presented at fromTicks or later. A clip in the middle of a movie has no edit list to hide samples before it.
func (p *part) entrance(r *clip.Recording, fromTicks int64) (int64, error) {
	var s isobmff.Sample
	c := r.Samples(p.track, p.first, p.end)
	for n := p.first; ; n++ {
		ok, err := c.Next(&s)
		if !ok || s.Sync && s.DTS+int64(s.OffsetTicks) >= fromTicks {
			return n, err
		}
	}
}

// ticksFrom returns the first tick that is at or after a time in ns.
func ticksFrom(ns int64, timescale uint32) int64 {
	switch ns {
	case clip.Begin:
		return -maxTicks
	case clip.End:
		return maxTicks
	}
	t := media.FromNanos(ns, timescale)
	for media.ToNanos(t, timescale) < ns {
		t++
	}
	for media.ToNanos(t-1, timescale) >= ns {
		t--
	}
	return min(max(t, -maxTicks), maxTicks)
}

// maxTicks bounds the times of a plan, so that sums do not overflow.
const maxTicks = int64(1) << 60
