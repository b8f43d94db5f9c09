package e2e

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// kills returns how often a recorder is killed on each database.
func kills() int {
	if long {
		return 50
	}
	return 5
}

// TestAfterAKillRowsAreFiles kills at random instants. After each start every file has exactly
// one row, and no file is unfinished.
func TestAfterAKillRowsAreFiles(t *testing.T) {
	t.Parallel()
	eachDatabase(t, func(t *testing.T, db *database) {
		const config = `
flush_interval: 0.2
mp4: {max_duration: 1}
streams:
  live/a: {pull: "testpattern://?size=64x64&fps=25&gop=5"}
  live/b: {pull: "testpattern://?size=64x64&fps=25&gop=10"}
  live/c: {pull: "testpattern://?size=64x64&fps=25&gop=25"}
`
		dir, seed := t.TempDir(), time.Now().UnixNano()
		chance := rand.New(rand.NewPCG(uint64(seed), 0))
		finished := 0
		for n := range kills() {
			r := launch(t, staticBinary, dir, config, db.flags()...)
			r.expect("held no complete chunk", "journal damaged", "the database is not available")
			what := fmt.Sprintf("seed %d, kill %d", seed, n)
			r.rowsAreFiles(what)
			require.GreaterOrEqual(t, len(r.list(".mp4")), finished, "%s: what was finished stays", what)
			for _, stream := range []string{"live/a", "live/b", "live/c"} {
				r.start(stream, "")
			}
			<-time.After(time.Duration(chance.Int64N(int64(2500 * time.Millisecond)))) // any instant will do
			finished = len(r.list(".mp4"))
			require.Equal(t, -1, r.signal(syscall.SIGKILL), what)
		}
		r := launch(t, staticBinary, dir, config, db.flags()...)
		r.expect("held no complete chunk")
		r.rowsAreFiles("after the last")
		t.Logf("%s: %d kills, seed %d: %d files, %d rows", db.driver, kills(), seed, len(r.list(".mp4")), len(r.rows("", 1000)))
		require.NotEmpty(t, r.list(".mp4"))
	})
}
