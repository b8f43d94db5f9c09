package server

import (
	"math"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/configs"
	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
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

func TestMemoryMetricsCountTheMediaOfThePool(t *testing.T) {
	pool := media.NewPool(1 << 20)
	registry := prometheus.NewRegistry()
	require.NoError(t, registry.Register(memoryMetrics{pool}))
	gather := func() map[string]float64 {
		families, err := registry.Gather()
		require.NoError(t, err)
		out := map[string]float64{}
		for _, f := range families {
			require.NotEmpty(t, f.GetHelp())
			out[f.GetName()] = f.GetMetric()[0].GetGauge().GetValue()
		}
		return out
	}
	set, err := media.NewTrackSet(1, []media.Track{{Codec: codec.H264, Timescale: 90000, Width: 16, Height: 16, ParameterSets: [][]byte{{0x67, 1, 2, 3}, {0x68}}}})
	require.NoError(t, err)
	c := pool.NewChunk(set, 1, []int{100 << 10})
	got := gather()
	require.EqualValues(t, 100<<10, got["spool_memory_media_bytes"])
	for _, name := range []string{"heap", "stacks", "other"} {
		require.Positive(t, got["spool_memory_"+name+"_bytes"], name)
	}
	pool.Seal(c)
	c.Release()
	got = gather()
	require.Zero(t, got["spool_memory_media_bytes"])
	require.Positive(t, got["spool_memory_media_free_bytes"])
}
