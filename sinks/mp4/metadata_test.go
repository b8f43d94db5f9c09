package mp4

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// withMetadata returns a source of pictures with a track of metadata before or behind them, and documents at the given
// times, which arrive half a second late.
func withMetadata(t *testing.T, first bool, atMillis ...int64) *source {
	t.Helper()
	pictures := record(t, recipe{codec: "libx264", seconds: 6, silent: true})
	track := media.Track{Codec: codec.ONVIF, Timescale: 90000}
	src := &source{tracks: []media.Track{pictures.tracks[0], track}, units: slices.Clone(pictures.units)}
	index, video := 1, 0
	if first {
		slices.Reverse(src.tracks)
		index, video = 0, 1
	}
	for i := range src.units {
		src.units[i].track = video
	}
	for i, ms := range atMillis {
		arrival := (ms + 500) * int64(time.Millisecond)
		at := slices.IndexFunc(src.units, func(u unit) bool { return u.au.MonoNS > arrival })
		if at < 0 {
			at = len(src.units)
		}
		src.units = slices.Insert(src.units, at, unit{index, media.AU{
			DTS: ms * 90, PTS: ms * 90, UTC: start.UnixNano() + arrival, MonoNS: arrival, Sync: true,
			Payload: [][]byte{fmt.Appendf(nil, "<document number='%d'/>", i)},
		}})
	}
	return src
}

func TestMetadataBesidePictures(t *testing.T) {
	for _, fragment := range []bool{false, true} {
		for name, c := range map[string]struct {
			at, want []int64 // ms
			first    bool
		}{
			"none":                         {},
			"rare":                         {at: []int64{1010, 1030, 4500}, want: []int64{1010, 1030, 4500}},
			"before the pictures":          {at: []int64{-400, 10, 2000}, want: []int64{0, 10, 2000}},
			"in the first track":           {at: []int64{100, 5900}, want: []int64{100, 5900}, first: true},
			"none in the first track":      {first: true},
			"before the end, by a quarter": {at: []int64{5700}, want: []int64{5700}},
		} {
			t.Run(fmt.Sprintf("%s/fragment=%v", name, fragment), func(t *testing.T) {
				src, pool := withMetadata(t, c.first, c.at...), pipelinetest.Pool(t)
				cfg := Defaults()
				cfg.Fragment = fragment
				s := newSession(t, cfg, nil)
				r := s.record(t, src, pool, nil)
				file := s.path(r)
				require.Equal(t, media.StateFinished, r.State)
				require.Empty(t, r.Gaps)
				require.InDelta(t, 6e9, r.DurationNS, 1e6)
				got, index := probe(t, file), 1
				if c.first {
					index = 0
				}
				if len(c.want) == 0 && !fragment {
					require.Len(t, got.Streams, 1)
				} else {
					require.Len(t, got.Streams, 2)
					require.Equal(t, "data", got.Streams[index].Kind)
					require.Equal(t, "metx", got.Streams[index].Tag)
					begin := got.of(1 - index)[0].PTS
					require.Len(t, got.of(index), len(c.want))
					for i, p := range got.of(index) {
						require.InDelta(t, c.want[i]*90, p.PTS-begin, 90, "document %d", i)
						require.Equal(t, byte('K'), p.Flags[0])
					}
				}
				requirePlays(t, file)
				at, err := KeyFrame(file, time.Unix(0, r.StartUTC).Add(4500*time.Millisecond))
				require.NoError(t, err)
				require.WithinDuration(t, time.Unix(0, r.StartUTC).Add(4*time.Second), at, time.Millisecond)
			})
		}
	}
}
