package media_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// shelf is a queue whose every chunk is a GOP.
type shelf struct {
	chunks []*media.Chunk
	keep   int
}

func (s *shelf) Held() (n int64) {
	for _, c := range s.chunks {
		n += int64(c.MemoryBytes())
	}
	return n
}

func (s *shelf) Shed() bool {
	if len(s.chunks) <= s.keep {
		return false
	}
	s.chunks[0].Release()
	s.chunks = s.chunks[1:]
	return true
}

func (s *shelf) empty() {
	s.keep = 0
	for s.Shed() {
	}
}

func TestTheLowestPriorityLosesFirstAndThenTheFullest(t *testing.T) {
	pool := pipelinetest.Pool(t)
	fill := func(n int) []*media.Chunk {
		cam := pipelinetest.NewCamera(t, pool)
		return append(cam.Shoot(t, 25*n), cam.Cut()...)
	}
	low, even, fullest := &shelf{chunks: fill(4), keep: 2}, &shelf{chunks: fill(4)}, &shelf{chunks: fill(5)}
	high, cache := &shelf{chunks: fill(9), keep: 8}, &shelf{chunks: fill(3), keep: 2}
	viewers := &shelf{chunks: fill(2), keep: 1}
	all := []*shelf{low, even, fullest, high, cache, viewers}
	priorities := map[string]int{"low": -1, "high": 1}
	left := func() (out []int) {
		for _, s := range all {
			out = append(out, len(s.chunks))
		}
		return out
	}
	relieve := func(max int64) uint64 {
		b := media.NewBudget(pool, max, func(stream string) int { return priorities[stream] })
		for stream, s := range map[string]*shelf{"low": low, "even": even, "fullest": fullest, "high": high} {
			defer b.Join(stream, s)()
		}
		defer b.JoinLast(cache)()
		defer b.JoinFirst(viewers)()
		b.Relieve()
		return b.Dry()
	}
	require.Zero(t, relieve(pool.Memory()))
	for _, want := range [][]int{
		{4, 4, 5, 9, 3, 2}, {4, 4, 5, 9, 3, 1}, {3, 4, 5, 9, 3, 1}, {2, 4, 5, 9, 3, 1}, {2, 4, 4, 9, 3, 1},
	} {
		require.Equal(t, want, left())
		require.Zero(t, relieve(pool.Memory()-1), "one GOP is enough")
	}
	for len(even.chunks)+len(fullest.chunks) > 0 {
		require.InDelta(t, len(even.chunks), len(fullest.chunks), 1, "equals lose alike")
		require.Equal(t, []int{9, 3, 1}, left()[3:])
		require.Zero(t, relieve(pool.Memory()-1))
	}
	require.Equal(t, []int{2, 0, 0, 9, 3, 1}, left())
	require.Zero(t, relieve(pool.Memory()-1))
	require.Equal(t, []int{2, 0, 0, 8, 3, 1}, left())
	require.Zero(t, relieve(pool.Memory()-1))
	require.Equal(t, []int{2, 0, 0, 8, 2, 1}, left(), "media that no recording waits for is dropped last")
	require.Equal(t, uint64(1), relieve(0), "nothing more may go")
	for _, s := range all {
		s.empty()
	}
}

func TestNoBudgetBoundsNothing(t *testing.T) {
	var b *media.Budget
	leave := b.Join("live/a", &shelf{})
	b.Relieve()
	leave()
	require.Zero(t, b.Dry())
}

// A queue that has left the budget is not shed any more.
func TestAQueueThatLeftIsNotShed(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	s := &shelf{chunks: append(cam.Shoot(t, 50), cam.Cut()...)}
	b := media.NewBudget(pool, 0, func(string) int { return 0 })
	b.Join("live/a", s)()
	b.Relieve()
	require.Len(t, s.chunks, 2)
	s.empty()
}
