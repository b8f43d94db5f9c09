package live_test

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/live"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// first reads the first unit, and holds it.
func first(t *testing.T, rd *live.Reader) live.Unit {
	t.Helper()
	u, err := rd.Poll()
	require.NoError(t, err)
	require.NotNil(t, u)
	return *u
}

func TestASlowReaderContinuesAtTheNewestKeyFrame(t *testing.T) {
	s := newStream(t, ringBytes)
	slow, quick := s.ring.Open(live.Options{}), s.ring.Open(live.Options{})
	defer slow.Close()
	defer quick.Close()
	s.gop(50)
	begin := first(t, slow)
	all := len(read(t, quick))
	for range 5 {
		s.gop(50)
		all += len(read(t, quick))
	}
	check(t, &begin) // the reader holds its chunk
	rest := read(t, slow)
	at := 0
	for rest[at].Skipped == 0 {
		at++
	}
	require.Positive(t, at, "the rest of the chunk that it holds is still there")
	require.True(t, rest[at].StartsGOP)
	require.Equal(t, int64(250*frameTicks), rest[at].DTS)
	require.Equal(t, all, 1+len(rest)+int(rest[at].Skipped), "each unit is received or counted")
}

func TestAReaderBehindItsLagContinuesAtTheNewestKeyFrame(t *testing.T) {
	s := newStream(t, ringBytes)
	keep := s.ring.Keep(int64(time.Hour))
	defer keep.Close()
	s.gop(50)
	slow := s.ring.Open(live.Options{MaxLagNS: int64(3 * time.Second)})
	defer slow.Close()
	first(t, slow)
	s.gop(20) // newest unit 2.76 s after the first
	u := first(t, slow)
	require.Zero(t, u.Skipped)
	s.gop(50)
	rest := read(t, slow)
	require.Equal(t, int64(70*frameTicks), rest[0].DTS)
	require.True(t, rest[0].StartsGOP)
	require.NotZero(t, rest[0].Skipped)
}

// A GOP that is longer than the lag has no newer key frame to go on with.
func TestAReaderWithinTheNewestGOPSkipsNothing(t *testing.T) {
	s := newStream(t, ringBytes)
	rd := s.ring.Open(live.Options{MaxLagNS: int64(time.Second)})
	defer rd.Close()
	s.gop(250)
	for _, u := range read(t, rd) {
		require.Zero(t, u.Skipped)
	}
}

func TestTheWindowHoldsWhatIsDemanded(t *testing.T) {
	s := newStream(t, ringBytes)
	for range 10 {
		s.gop(50)
	}
	newest := s.pool.Memory()
	keep := s.ring.Keep(int64(8 * time.Second))
	for range 10 {
		s.gop(50)
	}
	held := s.pool.Memory()
	require.Greater(t, held, 3*newest, "four GOPs and the newest one")
	for range 20 {
		s.gop(50)
	}
	require.InDelta(t, held, s.pool.Memory(), float64(newest))
	keep.Close()
	s.gop(50)
	s.gop(50)
	require.LessOrEqual(t, s.pool.Memory(), 2*newest)
}

func TestTheWindowIsBounded(t *testing.T) {
	s := newStream(t, 300<<10)
	s.size = 10 << 10
	rd := s.ring.Open(live.Options{})
	defer rd.Close()
	s.gop(250) // one GOP of 2.5 MB
	require.Less(t, s.pool.Memory(), int64(600<<10))
	require.Empty(t, read(t, rd), "no key frame is left")
	s.gop(1)
	u := first(t, rd)
	require.True(t, u.StartsGOP)
}

func TestUnitsBeforeTheNextKeyFrameAreCountedToo(t *testing.T) {
	s := newStream(t, 300<<10)
	s.size = 10 << 10
	rd := s.ring.Open(live.Options{})
	defer rd.Close()
	s.gop(1)
	received := 1
	first(t, rd)
	for range 250 { // the window loses the key frame
		s.picture(false)
	}
	received += len(read(t, rd))
	for range 10 {
		s.picture(false)
	}
	s.gop(2)
	rest := read(t, rd)
	require.True(t, rest[0].StartsGOP)
	require.Equal(t, s.units(), uint64(received+len(rest))+rest[0].Skipped)
}

func TestABudgetShedsWholeGOPs(t *testing.T) {
	s := newStream(t, ringBytes)
	keep := s.ring.Keep(int64(time.Hour))
	defer keep.Close()
	for range 4 {
		s.gop(100)
	}
	for range 3 {
		before := s.pool.Memory()
		require.True(t, s.ring.Shed())
		require.Less(t, s.pool.Memory(), before)
	}
	rd := s.ring.Open(live.Options{})
	defer rd.Close()
	require.Equal(t, int64(300*frameTicks), first(t, rd).DTS, "the newest GOP goes last")
	rd.Close()
	require.True(t, s.ring.Shed())
	require.False(t, s.ring.Shed(), "the open chunk stays")
}

// Readers of any speed get intact units in order, and each unit is received or counted.
func TestManyReadersAtOnce(t *testing.T) {
	s := newStream(t, 2<<20)
	s.size = 20 << 10
	var readers sync.WaitGroup
	ctx, cancel := context.WithCancelCause(context.Background())
	defer cancel(nil)
	failed := make(chan struct{}, 100)
	for i := range 16 {
		rd := s.ring.Open(live.Options{MaxLagNS: int64(i%4) * int64(time.Second)})
		readers.Go(func() {
			defer rd.Close()
			random := rand.New(rand.NewPCG(uint64(i), 1))
			var last live.Unit
			for {
				u, err := rd.Take(ctx)
				if err != nil {
					return
				}
				check(failing{t, failed}, u)
				if u.Skipped > 0 && !u.StartsGOP || last.Track == u.Track && u.DTS <= last.DTS && last.SizeBytes > 0 {
					failed <- struct{}{}
				}
				last = *u
				for range random.IntN(1 << (i % 12)) { // some readers are slow
					check(failing{t, failed}, u)
				}
			}
		})
	}
	for range 40 {
		s.gop(25)
		require.Empty(t, failed)
	}
	s.ring.Close()
	cancel(nil)
	readers.Wait()
	require.Empty(t, failed)
}

// failing reports the failure of an assertion on a goroutine of a reader.
type failing struct {
	t      *testing.T
	failed chan struct{}
}

func (f failing) Errorf(format string, args ...any) { f.t.Errorf(format, args...) }
func (f failing) FailNow() {
	select {
	case f.failed <- struct{}{}:
	default:
	}
}

func BenchmarkAdd(b *testing.B) {
	for _, readers := range []int{0, 1, 100} {
		b.Run(map[int]string{0: "no-reader", 1: "1-reader", 100: "100-readers"}[readers], func(b *testing.B) {
			pool := media.NewPool(64 << 20)
			ring := live.NewRing(ringBytes)
			builder := media.NewBuilder(pool, media.BuilderConfig{}, (*media.Chunk).Release)
			set, err := media.NewTrackSet(1, []media.Track{pipelinetest.AVC(640, 360)})
			require.NoError(b, err)
			builder.SetTracks(set)
			if readers > 0 {
				builder.Observe(ring)
			}
			all := make([]*live.Reader, readers)
			for i := range all {
				all[i] = ring.Open(live.Options{})
			}
			au := &media.AU{Payload: [][]byte{content(0, 0, 16<<10)}}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				au.DTS, au.PTS, au.UTC, au.MonoNS = int64(i)*frameTicks, int64(i)*frameTicks, int64(i)*4e7, int64(i)*4e7
				au.Sync = i%50 == 0
				require.NoError(b, builder.Append(0, au))
				for _, rd := range all {
					for u, err := rd.Poll(); u != nil && err == nil; u, err = rd.Poll() {
					}
				}
			}
			builder.Flush()
			ring.Close()
			for _, rd := range all {
				rd.Close()
			}
		})
	}
}
