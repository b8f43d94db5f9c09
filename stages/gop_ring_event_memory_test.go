package stages

import (
	"fmt"
	"os"
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// 100 streams of 2 Mbit/s with GOPs of 2 s and a pre-roll of 10 s hold at most 10.25 s of media and 1 MiB each, at the
// moment of the largest use: one GOP beyond the pre-roll and most of another chunk. Two pipelines on each stream share
// the memory of its chunks.
func TestArmedStreamsHoldNoMoreThanTheyMust(t *testing.T) {
	const (
		streams = 100
		before  = 10
		bitrate = 250_000 // bytes a second
		bound   = before*bitrate*5/4 + 1<<20
	)
	empty := resident(t)
	pool := media.NewPool(64 << 20)
	var cams []*pipelinetest.Camera
	var gates []*gopGate
	for range streams {
		cam := pipelinetest.NewCamera(t, pool)
		cam.GOP, cam.Bytes = 50, (bitrate-200*48000/1024)/25
		cfg := GOPRingConfig{Before: seconds(before), After: seconds(before), MaxSize: 64 << 20, MaxTime: seconds(60)}
		pair := []*gopGate{newGate(t, pool, cfg, nil), newGate(t, pool, cfg, nil)}
		for _, c := range cam.Shoot(t, 25*26) {
			for _, g := range pair {
				g.Put(c.Retain())
			}
			c.Release()
		}
		cams, gates = append(cams, cam), append(gates, pair...)
	}
	each, all := pool.Memory()/streams, (resident(t)-empty)/streams
	t.Logf("each stream: %d bytes of media, %.2f of 10 s at its bitrate; %d with all that is around; %d are allowed", each, float64(each)/(before*bitrate), all, bound)
	require.GreaterOrEqual(t, each, int64(before*bitrate), "or the pre-roll is not there")
	require.LessOrEqual(t, all, int64(bound))
	for _, g := range gates {
		require.NoError(t, g.Close())
	}
	for _, cam := range cams {
		for _, c := range cam.Cut() {
			c.Release()
		}
	}
}

// resident returns the memory of the process without garbage, in bytes.
func resident(t *testing.T) int64 {
	t.Helper()
	debug.FreeOSMemory()
	text, err := os.ReadFile("/proc/self/statm")
	require.NoError(t, err)
	var size, pages int64
	_, err = fmt.Sscan(string(text), &size, &pages)
	require.NoError(t, err)
	return pages * int64(os.Getpagesize())
}
