package media

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// video and audio return tracks like those of a camera.
func video() Track {
	return Track{Codec: pictures, Timescale: 90000, ParameterSets: [][]byte{{0x67}, {0x68}}, Width: 1920, Height: 1080}
}

func audio() Track {
	return Track{Codec: sound, Timescale: 48000, ParameterSets: [][]byte{{0x11, 0x90}}, SampleRate: 48000, Channels: 2, FrameDurationTicks: 1024}
}

func setOf(t require.TestingT, tracks ...Track) *TrackSet {
	set, err := NewTrackSet(1, tracks)
	require.NoError(t, err)
	return set
}

// feed appends to a builder and keeps the finished chunks until the test ends. It then checks that all memory is
// released.
type feed struct {
	*Builder
	t    *testing.T
	pool *Pool
	out  []*Chunk
	now  int64 // ns, arrival of the next access unit
}

func newFeed(t *testing.T, cfg BuilderConfig, tracks ...Track) *feed {
	f := &feed{t: t, pool: NewCheckedPool()}
	f.Builder = NewBuilder(f.pool, cfg, func(c *Chunk) { f.out = append(f.out, c) })
	f.SetTracks(setOf(t, tracks...))
	t.Cleanup(func() {
		f.Flush()
		for _, c := range f.out {
			c.Release()
		}
		require.Zero(t, f.pool.Outstanding(), f.pool.Leaks())
		require.Zero(t, f.pool.Memory())
		require.Zero(t, f.pool.openChunks.Load())
		require.Zero(t, f.pool.openBytes.Load())
	})
	return f
}

// unit is an access unit of ten bytes at a time in ticks.
func (f *feed) unit(dts int64, sync bool) *AU {
	return &AU{
		DTS: dts, PTS: dts, UTC: 1e18 + f.now, MonoNS: f.now, Sync: sync,
		Payload: [][]byte{fmt.Appendf(nil, "%010d", dts%1e9)},
	}
}

// add appends an access unit that the builder must accept.
func (f *feed) add(track int, dts int64, sync bool) {
	f.t.Helper()
	require.NoError(f.t, f.Append(track, f.unit(dts, sync)))
}

// live appends n access units in real time, step ticks apart, from dts on, the
// first one a sync sample, and returns the time that follows.
func (f *feed) live(track int, dts, step int64, n int) int64 {
	f.t.Helper()
	for i := range n {
		f.now += ToNanos(step, f.Set().Tracks[track].Timescale)
		f.add(track, dts, i == 0)
		dts += step
	}
	return dts
}

// times are the decoding times of one track over all chunks.
func (f *feed) times(track int) []int64 {
	f.Flush()
	var all []int64
	for _, c := range f.out {
		all = append(all, c.Tracks[track].DTS...)
	}
	return all
}
