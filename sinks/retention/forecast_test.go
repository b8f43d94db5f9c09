package retention

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/retained"
)

// TestARateTakesAnHourOfRecordings checks that no rate is computed from a minute of recordings.
func TestARateTakesAnHourOfRecordings(t *testing.T) {
	require.Zero(t, perDay(1<<30, time.Minute))
	require.Zero(t, perDay(1<<30, time.Hour-time.Second))
	require.EqualValues(t, int64(24<<30), perDay(1<<30, time.Hour))
	p := retained.Plan{At: time.Unix(1e9, 0), DiskBytes: 100, UsedBytes: 10}
	forecast(&p)
	require.True(t, p.FullAt.IsZero())
}
