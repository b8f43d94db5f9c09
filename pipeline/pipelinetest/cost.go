package pipelinetest

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// Proportional checks that work on four times the input costs about four times as much: quadratic
// work costs sixteen times. run processes an input of n bytes or elements and returns a count:
// bytes read or allocated, reads, boxes; never time. slack is the allowed constant cost.
func Proportional(t testing.TB, n int, slack int64, run func(n int) int64) {
	t.Helper()
	run(1) // initialises state that is made once a process
	once, four := run(n), run(4*n)
	require.LessOrEqual(t, four, 6*once+slack, "%d cost %d, four times as much costs %d", n, once, four)
}

// Allocated returns the bytes allocated while do ran. Nothing else may run beside it: the test must
// not be parallel.
func Allocated(do func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}
