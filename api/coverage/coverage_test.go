package coverage

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

func TestAdjacentRecordingsAreJoined(t *testing.T) {
	const s = int64(time.Second)
	record := func(start, end int64, state media.State, gap int64) *media.Record {
		r := &media.Record{Recording: media.Recording{ID: media.NewID(time.Unix(start, 0)), Stream: "live/a", StartUTC: start * s, EndUTC: end * s, State: state}}
		if r.Gap.DurationNS = gap * s; gap > 0 {
			r.Gap.Cause = media.GapStall
		}
		return r
	}
	for name, c := range map[string]struct {
		resolution time.Duration
		newest     []*media.Record
		want       []string
	}{
		"touching": {0, []*media.Record{record(30, 40, media.StateFinished, 0), record(20, 30, media.StateFinished, 0), record(10, 20, media.StateFinished, 0)}, []string{"10-40 finished 3"}},
		"a gap": {0, []*media.Record{record(32, 40, media.StateFinished, 2), record(20, 30, media.StateFinished, 0)},
			[]string{"20-30 finished 1", "32-40 finished 1 stall"}},
		"a gap that cannot be seen": {3 * time.Second, []*media.Record{record(32, 40, media.StateFinished, 2), record(20, 30, media.StateFinished, 0)}, []string{"20-40 finished 2"}},
		"another state":             {0, []*media.Record{record(30, 0, media.StateRecording, 0), record(20, 30, media.StateRecovered, 0)}, []string{"20-30 recovered 1", "30-100 recording 1"}},
		"lost":                      {0, []*media.Record{record(20, 30, media.StateLost, 0)}, nil},
	} {
		j := Joiner{Resolution: c.resolution, Now: time.Unix(100, 0), MaxBytes: 1 << 20}
		for _, r := range c.newest {
			j.Add(r)
		}
		var got []string
		for _, st := range j.Streams() {
			for _, sp := range st.Spans {
				text := fmt.Sprintf("%d-%d %s %d", sp.StartNS/s, sp.EndNS/s, sp.State, sp.Recordings)
				if !sp.Gap.None() {
					text += " " + string(sp.Gap.Cause)
				}
				got = append(got, text)
			}
		}
		require.Equal(t, c.want, got, name)
	}
}
