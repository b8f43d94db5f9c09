package hls

import (
	"time"

	"github.com/gospool/spool/api/playback/clip"
	"github.com/gospool/spool/pipeline/isobmff"
	"github.com/gospool/spool/pipeline/media"
)

// onward returns the wall clock, ns UTC, of a moment of a recording's media as it was known when that was recorded: it goes on from the
// last anchor at or before it. An anchor that comes later changes nothing, as a playlist of the type EVENT requires; Anchors.At
// spreads a drift over the time between two anchors instead.
func onward(a media.Anchors, ns int64) int64 {
	last := a[0]
	for _, x := range a {
		if x.MediaNS > ns {
			break
		}
		last = x
	}
	return last.UTC + (ns-last.MediaNS)*speedOf(a)
}

// speedOf returns the factor by which the media of a recording runs faster than the wall clock: 1, unless it is a time-lapse.
func speedOf(a media.Anchors) int64 {
	least := int64(0)
	for i := 1; i < len(a); i++ {
		ran := a[i].MediaNS - a[i-1].MediaNS
		if factor := max((a[i].UTC-a[i-1].UTC+ran/2)/max(ran, 1), 1); least == 0 || factor < least { // a gap in the media makes it greater
			least = factor
		}
	}
	return max(least, 1)
}

// anchorsOf returns the anchors of a growing recording, as the recorder computes them from the clocks of the chunks (prft) when it finishes the
// file. startUTC is the wall clock of the first chunk if that has none. The result is empty for a file without clocks.
func (m *Mapped) anchorsOf(r *clip.Recording, startUTC int64) (media.Anchors, error) {
	var seen media.Anchors // one for each chunk
	for i := range m.Chunks {
		c := &m.Chunks[i]
		h, err := isobmff.ReadHeader(r.File, c.At, r.File.Size)
		if err != nil {
			return nil, err
		}
		utc := startUTC
		if h.Is("prft") {
			payload, err := isobmff.ReadPayload(r.File, c.At, h, r.File.Size, isobmff.PrftBytes)
			if err != nil {
				return nil, err
			}
			if clock, whole := isobmff.ReadPrft(payload); whole {
				utc = clock.UTC
			}
		} else if i > 0 {
			continue
		}
		if n := len(seen); n == 0 || c.FirstNS > seen[n-1].MediaNS {
			seen = append(seen, media.Anchor{MediaNS: c.FirstNS, UTC: utc})
		}
	}
	if len(seen) == 0 {
		return nil, nil
	}
	var k media.Anchoring
	speed := speedOf(seen)
	for _, a := range seen {
		k.See(a.MediaNS, a.UTC, speed)
	}
	last := m.Chunks[len(m.Chunks)-1].EndNS
	return k.Anchors(max(last, seen[len(seen)-1].MediaNS+int64(time.Millisecond)), speed), nil
}
