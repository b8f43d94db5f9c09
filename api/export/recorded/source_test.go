package recorded

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/api/export/bundle"
	"github.com/gospool/spool/api/playback/movie"
)

// The gaps of a file are dated by the wall clock, whether the file keeps or cuts them.
func TestGapsHaveTheirTimesOfTheWallClock(t *testing.T) {
	const s = int64(time.Second)
	want := []bundle.Gap{{StartNS: 110 * s, EndNS: 115 * s, Cause: "publisher_lost"}, {StartNS: 125 * s, EndNS: 126 * s}}
	for _, kept := range []bool{true, false} {
		m := &movie.Movie{StartUTC: 100 * s, DurationNS: 36 * s, Gaps: []movie.Gap{
			{AtNS: 15 * s, DurationNS: 5 * s, Cause: "publisher_lost"}, {AtNS: 26 * s, DurationNS: s},
		}}
		span := bundle.Span{Gaps: bundle.Keep}
		if !kept {
			m.DurationNS -= 6 * s
			m.Gaps[0].AtNS -= 5 * s
			m.Gaps[1].AtNS -= 6 * s
			span.Gaps = bundle.Cut
		}
		want[0].Kept, want[1].Kept = kept, kept
		got := facts(m, span, nil)
		require.Equal(t, want, got.Gaps)
		require.Equal(t, []int64{100 * s, 136 * s}, []int64{got.StartNS, got.EndNS})
	}
}
