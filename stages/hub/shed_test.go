package hub_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
	"github.com/gospool/spool/stages/hub"
)

// A subscription that must drop media sheds whole GOPs, the newest first, and reports the gap. The GOP that it is
// handing out stays decodable.
func TestAQueueShedsWholeGOPsFromItsEnd(t *testing.T) {
	r := newRig(t, hub.Config{})
	p := r.publish(t, "live/a")
	sub, err := r.Subscribe("live/a")
	require.NoError(t, err)
	defer sub.Close()
	write := func(from, to int64) {
		for n := from; n < to; n++ {
			ns := n * 40_000_000
			require.NoError(t, p.Write(0, &media.AU{
				DTS: n * 3600, PTS: n * 3600, UTC: pipelinetest.StartUTC + ns, MonoNS: ns, Sync: n%50 == 0, Payload: [][]byte{make([]byte, 100)},
			}))
		}
	}
	write(0, 176) // GOPs of two chunks: three whole ones, and one chunk of a fourth
	first, err := sub.Take(context.Background())
	require.NoError(t, err)
	require.True(t, first.StartsGOP)
	begins := first.Seq
	first.Release()
	held := sub.Held()
	require.True(t, sub.Shed(), "the fourth, as far as it came")
	require.True(t, sub.Shed(), "the third")
	require.Equal(t, held/2, sub.Held())
	write(176, 226) // the rest of the fourth is dropped, the fifth begins
	p.Close(endcause.Stop)
	var seqs []uint64
	var gap media.Gap
	for {
		c, err := sub.Take(context.Background())
		if err != nil {
			break
		}
		if c.Mark != nil {
			gap = c.Mark.Gap
		} else {
			seqs = append(seqs, c.Seq-begins)
		}
		c.Release()
	}
	require.Equal(t, []uint64{1, 2, 3, 8, 9}, seqs)
	require.Equal(t, media.Gap{Cause: media.GapOverload, Chunks: 4, DurationNS: 4e9}, gap)
	require.Equal(t, uint64(100), sub.Dropped().AccessUnits)
	require.False(t, sub.Shed(), "nothing is left")
	require.Zero(t, sub.Held())
}

// The GOP that the hub keeps for the next recording is dropped last, and only that recording misses it.
func TestTheNewestGOPsAreDroppedLast(t *testing.T) {
	t.Cleanup(func() { goleak.VerifyNone(t) })
	pool := pipelinetest.Pool(t)
	budget := media.NewBudget(pool, 0, func(string) int { return 0 })
	r := newRigOn(t, pool, hub.Config{Budget: budget})
	p := r.publish(t, "live/a")
	for n := range int64(30) {
		ns := n * 40_000_000
		require.NoError(t, p.Write(0, &media.AU{
			DTS: n * 3600, PTS: n * 3600, UTC: pipelinetest.StartUTC + ns, MonoNS: ns, Sync: n%25 == 0, Payload: [][]byte{make([]byte, 100)},
		}))
	}
	require.Zero(t, pool.Memory(), "a budget of nothing keeps nothing")
	p.Close(endcause.Stop)
}

// Events that wait in a queue are not dropped with the media around them, and a queue of events alone sheds nothing.
func TestAQueueThatShedsKeepsItsEvents(t *testing.T) {
	r := newRig(t, hub.Config{})
	p := r.publish(t, "live/a")
	sub, err := r.Subscribe("live/a")
	require.NoError(t, err)
	defer sub.Close()
	write := func(from, to int64) {
		for n := from; n < to; n++ {
			ns := n * 40_000_000
			require.NoError(t, p.Write(0, &media.AU{
				DTS: n * 3600, PTS: n * 3600, UTC: pipelinetest.StartUTC + ns, MonoNS: ns, Sync: n%50 == 0, Payload: [][]byte{make([]byte, 100)},
			}))
		}
	}
	take := func() *media.Chunk {
		c, err := sub.Take(context.Background())
		require.NoError(t, err)
		return c
	}
	write(0, 76) // a GOP of two chunks, and the first chunk of the next
	require.True(t, sub.Mark(&media.Event{Name: "door"}))
	for range 3 {
		take().Release()
	}
	require.False(t, sub.Shed(), "only the event is left")
	write(76, 101)
	require.True(t, sub.Mark(&media.Event{Name: "window"}))
	require.True(t, sub.Shed(), "the rest of the second GOP")
	require.Zero(t, sub.Held())
	for _, name := range []string{"door", "window"} {
		c := take()
		require.NotNil(t, c.Mark)
		require.Equal(t, name, c.Mark.Event.Name)
		c.Release()
	}
	p.Close(endcause.Stop)
}
