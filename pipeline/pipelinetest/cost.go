package pipelinetest

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// Proportional tests that the cost of run grows in proportion to its input, and not with its square. run
// processes an input of n bytes or elements and returns its cost as a count, such as bytes read or allocated;
// never a time. The cost for four times the input may be six times as large, plus slack.
func Proportional(t testing.TB, n int, slack int64, run func(n int) int64) {
	t.Helper()
	run(1) // so that state which is made once per process does not count
	once, four := run(n), run(4*n)
	require.LessOrEqual(t, four, 6*once+slack, "%d cost %d, four times as much costs %d", n, once, four)
}

// Allocated returns the bytes that the process allocates while do runs. No other code may run at the same time,
// so the test must not be parallel.
func Allocated(do func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}
