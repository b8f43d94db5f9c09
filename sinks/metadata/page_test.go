package metadata

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// The memory for a page does not grow with the table.
func TestAPageAllocatesByThePageNotByTheTable(t *testing.T) {
	eachDatabaseAlone(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		s := c.store.Load()
		asks := map[string]media.Query{
			"newest": {}, "a stream": {Stream: "live/2/42/cam", Limit: 10}, "below": {Stream: "live/*"},
			"window": {Start: base.Add(time.Minute), End: base.Add(10 * time.Minute)},
		}
		generate(t, s, 1000)
		small := map[string]uint64{}
		for name, q := range asks {
			small[name] = allocated(t, c, q)
		}
		generate(t, s, 5000) // in total, with the existing rows
		for name, q := range asks {
			big := allocated(t, c, q)
			require.Less(t, big, small[name]*3/2, "%s: %d bytes with 1,000 rows, %d with 5,000", name, small[name], big)
		}
	})
}

// allocated returns the bytes that one page allocates, the least of several runs.
func allocated(t *testing.T, c opened, q media.Query) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	least := ^uint64(0)
	for range 9 { // other goroutines can only add to it
		runtime.ReadMemStats(&before)
		page := records(t, c, q)
		runtime.ReadMemStats(&after)
		require.NotEmpty(t, page.Records)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}
