package media

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
)

func TestQueriesThatCannotBeAsked(t *testing.T) {
	at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	for field, list := range map[string][]Query{
		"limit": {{Limit: -1}, {Limit: MaxLimit + 1}},
		"end":   {{Start: at, End: at}, {Start: at, End: at.Add(-1)}},
		"state": {{State: "gone"}},
	} {
		for _, q := range list {
			err := q.Check()
			require.ErrorIs(t, err, ErrQuery)
			var wrong *QueryError
			require.ErrorAs(t, err, &wrong)
			require.Equal(t, field, wrong.Field)
			if field != "state" {
				e := EventQuery{Start: q.Start, End: q.End, Limit: q.Limit}
				require.Equal(t, err, e.Check())
			}
		}
	}
	for _, q := range []Query{{}, {Limit: MaxLimit}, {Start: at}, {End: at}, {Start: at, End: at.Add(1)}, {State: StateLost}} {
		require.NoError(t, q.Check())
	}
}

func TestYearsBeyondInt64AreUnbounded(t *testing.T) {
	q := Query{Start: time.Date(-5, 1, 1, 0, 0, 0, 0, time.UTC), End: time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)}
	from, to := q.BoundsUTC()
	require.Equal(t, []int64{math.MinInt64, math.MaxInt64}, []int64{from, to})
	from, to = new(Query).BoundsUTC()
	require.Equal(t, []int64{math.MinInt64, math.MaxInt64}, []int64{from, to})
}

func TestARecordingThatACrashEndedDoesNotGrow(t *testing.T) {
	r := Record{Recording: Recording{State: StateRecording}}
	require.True(t, r.Growing())
	r.EndReason = endcause.Stop
	require.False(t, r.Growing())
	require.False(t, (&Record{Recording: Recording{State: StateFinished}}).Growing())
}
