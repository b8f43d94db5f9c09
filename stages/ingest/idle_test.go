package ingest

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestIdleUnitsHaveABound(t *testing.T) {
	var idle idleUnits
	sum := func() (n int) {
		for _, u := range idle.units {
			n += u.memory()
		}
		return n
	}
	for range 20 {
		u := &Unit{}
		u.Put(make([]byte, 500_000))
		idle.put(u)
		require.LessOrEqual(t, sum(), maxIdle)
		require.Equal(t, sum(), idle.bytes)
	}
	require.Greater(t, sum(), maxIdle/2)
	last := idle.units[len(idle.units)-1]
	u := idle.take()
	require.Same(t, last, u, "the newest is in the caches")
	require.Zero(t, u.Bytes())
	require.Equal(t, sum(), idle.bytes)
	for range 100 {
		idle.take()
	}
	require.Zero(t, idle.bytes)
}
