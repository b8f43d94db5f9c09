package server

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
)

func TestMemoryPartsAddUpToAtMostTheMaximum(t *testing.T) {
	free, chunks, heap := memory(configs.Memory{Pool: 256 << 20})
	require.Equal(t, int64(256<<20), free)
	require.Equal(t, int64(math.MaxInt64), chunks)
	require.Equal(t, int64(math.MaxInt64), heap)
	free, chunks, heap = memory(configs.Memory{Pool: 256 << 20, Max: 128 << 20})
	require.Equal(t, int64(8<<20), free)
	require.Equal(t, int64(40<<20), chunks)
	require.Equal(t, int64(40<<20), heap)
	free, chunks, heap = memory(configs.Memory{Pool: 16 << 20, Max: 1 << 30})
	require.Equal(t, int64(16<<20), free)
	require.Less(t, free+chunks+heap+mappedBytes, int64(1<<30))
}
