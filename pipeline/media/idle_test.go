package media

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Sixty cameras send out of step, and the newest GOP of each is held.
func TestIdleMemoryOfManyStreams(t *testing.T) {
	pool := NewPool(256 << 20)
	set := setOf(t, video())
	const streams = 60
	var held [streams][]*Chunk
	var builders [streams]*Builder
	for i := range builders {
		builders[i] = NewBuilder(pool, BuilderConfig{}, func(c *Chunk) {
			if c.StartsGOP {
				for _, old := range held[i] {
					old.Release()
				}
				held[i] = held[i][:0]
			}
			held[i] = append(held[i], c)
		})
		builders[i].SetTracks(set)
	}
	sizes := newCamera(t, pool, 4e6, nil).pictures
	payload := make([]byte, 200000)
	idle := 0
	for n := range int64(60 * 25) {
		for i, b := range builders {
			k := n + int64(i*7)
			size := sizes[k%100] * (90 + i%20) / 100
			_ = b.Append(0, &AU{DTS: n * 3600, PTS: n * 3600, MonoNS: n * 4e7, Sync: k%50 == 0, Payload: [][]byte{payload[:size]}})
		}
		if n > 750 {
			idle = max(idle, pool.idle())
		}
	}
	require.Less(t, idle, int(pool.Memory())*3/5, "memory lies idle because sizes differ a little")
	for i, b := range builders {
		b.Flush()
		for _, c := range held[i] {
			c.Release()
		}
	}
	require.Zero(t, pool.Outstanding())
}
