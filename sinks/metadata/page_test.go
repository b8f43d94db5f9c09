package metadata

import (
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
)

// A page costs what is on it, however long the table is.
func TestAPageAllocatesByThePageNotByTheTable(t *testing.T) {
	eachDatabase(t, func(t *testing.T, driver, dsn string) {
		c := open(t, driver, dsn)
		s := c.store.Load()
		asks := map[string]media.Query{
			"newest": {}, "a stream": {Stream: "live/2/42/cam", Limit: 10}, "below": {Stream: "live/*"},
			"window": {Start: base.Add(time.Minute), End: base.Add(10 * time.Minute)},
		}
		generate(t, s, 2000)
		small := map[string]uint64{}
		for name, q := range asks {
			small[name] = allocated(t, c, q)
		}
		generate(t, s, 12000) // the rows that are there already, and five times as many
		for name, q := range asks {
			big := allocated(t, c, q)
			require.Less(t, big, small[name]*3/2, "%s: %d bytes with 2,000 rows, %d with 12,000", name, small[name], big)
		}
	})
}

// allocated is the bytes that one page takes, the least of some.
func allocated(t *testing.T, c opened, q media.Query) uint64 {
	t.Helper()
	var before, after runtime.MemStats
	least := ^uint64(0)
	for range 9 { // what else runs only adds
		runtime.ReadMemStats(&before)
		page := records(t, c, q)
		runtime.ReadMemStats(&after)
		require.NotEmpty(t, page.Records)
		least = min(least, after.TotalAlloc-before.TotalAlloc)
	}
	return least
}
