package live_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/live"
)

func TestAReaderGetsEachUnitBeforeItsChunkIsComplete(t *testing.T) {
	s := newStream(t, ringBytes)
	rd := s.ring.Open(live.Options{})
	defer rd.Close()
	pictures := 0
	for i := range 20 {
		s.picture(i == 0)
		for _, u := range read(t, rd) {
			if u.Track == 0 {
				require.Equal(t, int64(pictures)*frameTicks, u.DTS)
				require.Equal(t, pictures == 0, u.StartsGOP)
				require.Equal(t, int64(1e18)+media.ToNanos(u.DTS, 90000), u.UTC)
				pictures++
			}
		}
		require.Equal(t, i+1, pictures, "each picture is there at once")
	}
	require.Zero(t, s.chunks)
}

func TestAReaderBeginsWithTheNewestKeyFrame(t *testing.T) {
	s := newStream(t, ringBytes)
	s.gop(60)
	s.gop(30)
	rd := s.ring.Open(live.Options{})
	defer rd.Close()
	next := s.ring.Open(live.Options{FromTail: true})
	defer next.Close()
	all := read(t, rd)
	require.Equal(t, int64(60*frameTicks), all[0].DTS)
	require.True(t, all[0].StartsGOP)
	require.Zero(t, all[0].Skipped, "what came before is not missing")
	require.Empty(t, read(t, next))
	s.gop(3)
	all = read(t, next)
	require.Equal(t, int64(90*frameTicks), all[0].DTS)
	require.Zero(t, all[0].Skipped)
}

// A ring is made when the first reader comes, in the middle of a chunk.
func TestARingTakesOverTheOpenChunk(t *testing.T) {
	s := newStream(t, ringBytes)
	s.Observe(nil)
	var kept []*media.Chunk
	late := media.NewBuilder(s.pool, media.BuilderConfig{}, func(c *media.Chunk) { kept = append(kept, c) })
	s.Builder = late
	s.setTracks(1)
	s.gop(30)
	ring := live.NewRing(ringBytes)
	defer ring.Close()
	require.NotEmpty(t, kept)
	for _, c := range kept {
		ring.Chunk(c)
		c.Release()
	}
	ring.Chunk(s.Observe(ring))
	kept = nil
	rd := ring.Open(live.Options{})
	defer rd.Close()
	for range 10 {
		s.picture(false)
	}
	var last [2]int64
	pictures := 0
	for i, u := range read(t, rd) {
		if pts := media.ToNanos(u.PTS, u.Set.Tracks[u.Track].Timescale); i > 0 {
			require.Equal(t, int64(1e18)+pts, u.UTC)
			require.True(t, u.DTS > last[u.Track] || last[u.Track] == 0, "each unit once, in order")
		}
		last[u.Track] = u.DTS
		pictures += 1 - u.Track
	}
	require.Equal(t, 40, pictures)
	s.Flush()
	for _, c := range kept {
		c.Release()
	}
}

func TestTheOpenChunkStaysInPlaceFromTheFirstReaderOn(t *testing.T) {
	s := newStream(t, ringBytes)
	s.Observe(nil)
	s.gop(10)
	s.ring.Chunk(s.Observe(s.ring))
	rd := s.ring.Open(live.Options{})
	defer rd.Close()
	u := first(t, rd)
	s.Flush() // no unit has come since
	check(t, &u)
	require.NotEmpty(t, read(t, rd))
}

// Sound that belongs to the next chunk moves there when a chunk ends: a reader has it in the first one.
func TestUnitsStayInPlaceWhenTheirChunkEnds(t *testing.T) {
	s := newStream(t, ringBytes)
	rd := s.ring.Open(live.Options{})
	defer rd.Close()
	s.gop(24)
	for range 3 * 47 { // sound runs ahead of the pictures, and needs several blocks
		s.add(1, s.sound, true, 3000)
		s.sound += 1024
	}
	var units []live.Unit
	for {
		u, err := rd.Poll()
		require.NoError(t, err)
		if u == nil {
			break
		}
		u.Chunk().Retain()
		units = append(units, *u)
	}
	s.gop(60)
	require.NotZero(t, s.chunks)
	for i := range units {
		check(t, &units[i])
		units[i].Chunk().Release()
	}
	require.Len(t, read(t, rd), 60, "the sound is not reported again")
}

func TestTheEndOfAPublisherAndOtherTracks(t *testing.T) {
	s := newStream(t, ringBytes)
	rd := s.ring.Open(live.Options{})
	defer rd.Close()
	s.gop(2)
	s.Flush()
	s.ring.End(endcause.SourceLost)
	all := read(t, rd)
	require.Equal(t, media.Cause(endcause.SourceLost), all[len(all)-1].End)
	s.setTracks(2)
	s.add(1, s.sound, true, 100) // before the first key frame: no decoder needs it
	s.sound += 1024
	s.gop(2)
	next := read(t, rd)
	require.True(t, next[0].StartsGOP)
	require.Equal(t, uint64(2), next[0].Set.Generation)
	require.Zero(t, next[0].Skipped)
	s.ring.Close()
	_, err := rd.Take(context.Background())
	require.ErrorIs(t, err, live.ErrClosed)
}

func TestLostMediaIsSaid(t *testing.T) {
	s := newStream(t, ringBytes)
	rd := s.ring.Open(live.Options{})
	defer rd.Close()
	s.gop(1)
	require.NoError(t, s.Append(0, &media.AU{DTS: s.dts, PTS: s.dts, UTC: 1e18, Sync: true, Lost: 3, Payload: [][]byte{content(0, s.dts, 9)}}))
	all := read(t, rd)
	require.False(t, all[0].Lost)
	require.True(t, all[1].Lost)
}

func TestTakeWaits(t *testing.T) {
	s := newStream(t, ringBytes)
	rd := s.ring.Open(live.Options{})
	defer rd.Close()
	taken := make(chan live.Unit)
	go func() {
		u, err := rd.Take(context.Background())
		if err == nil {
			taken <- *u
		}
		close(taken)
	}()
	s.gop(1)
	require.True(t, (<-taken).StartsGOP)
	ctx, cancel := context.WithCancelCause(context.Background())
	cancel(context.Canceled)
	_, err := rd.Take(ctx)
	require.ErrorIs(t, err, context.Canceled)
}
