package pipelinetest

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
)

// Proportional makes sure that work on an input of four times the size costs about
// four times as much: what is quadratic costs sixteen times. run works on an input
// of n bytes or elements and counts what it did: bytes read or allocated, reads,
// boxes. It never counts time. slack is what an input of no size may cost.
func Proportional(t testing.TB, n int, slack int64, run func(n int) int64) {
	t.Helper()
	run(1) // what is made once in a process is made now
	once, four := run(n), run(4*n)
	require.LessOrEqual(t, four, 6*once+slack, "%d cost %d, four times as much costs %d", n, once, four)
}

// Allocated returns how many bytes were allocated while do ran. Nothing else may run
// beside it: its test is not parallel.
func Allocated(do func()) int64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	return int64(after.TotalAlloc - before.TotalAlloc)
}
