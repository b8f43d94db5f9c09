package stages

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// TestArmedStreamsHoldNoMoreThanTheyMust: 2 Mbit/s with GOPs of 2 s and 10 s
// from before a trigger take no more than these 10 s and a quarter, and 1 MiB.
// Two pipelines on each stream share the memory of its chunks.
func TestArmedStreamsHoldNoMoreThanTheyMust(t *testing.T) {
	const (
		streams = 20
		before  = 10
		bitrate = 250_000 // bytes a second
		bound   = before*bitrate*5/4 + 1<<20
	)
	pool := media.NewPool(64 << 20)
	var gates []*gopGate
	for range streams {
		cam := pipelinetest.NewCamera(t, pool)
		cam.GOP, cam.Bytes = 50, (bitrate-200*48000/1024)/25
		cfg := GOPRingConfig{Before: seconds(before), After: seconds(before), MaxSize: 64 << 20, MaxTime: seconds(60)}
		pair := []*gopGate{newGate(t, pool, cfg, nil), newGate(t, pool, cfg, nil)}
		for _, c := range cam.Shoot(t, 25*40) {
			for _, g := range pair {
				g.Put(c.Retain())
			}
			c.Release()
		}
		gates = append(gates, pair...)
	}
	each := pool.Memory() / streams
	t.Logf("%d bytes for each stream, %.2f of 10 s at its bitrate; %d are allowed", each, float64(each)/(before*bitrate), bound)
	require.LessOrEqual(t, each, int64(bound))
	require.GreaterOrEqual(t, each, int64(before*bitrate), "or the pre-roll is not there")
	for _, g := range gates {
		require.NoError(t, g.Close())
	}
}
