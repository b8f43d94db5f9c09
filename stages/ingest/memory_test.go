package ingest_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/stages/ingest"
	"github.com/gospool/spool/stages/ingest/ingesttest"
	"github.com/gospool/spool/stages/ingest/rtp"
)

// aggregateOf returns a STAP-A of a NAL unit and n of one byte.
func aggregateOf(n int, first ...byte) []byte {
	p := []byte{0x78}
	if len(first) > 0 {
		p = append(append(p, 0, byte(len(first))), first...)
	}
	for range n {
		p = append(p, 0, 1, 10) // the end of a sequence
	}
	return p
}

// The NAL units of an access unit are bounded in every packing: an access unit with more is left out under a cause of
// its own, and the next one is accepted.
func TestNALUnitsOfAnAccessUnitAreBounded(t *testing.T) {
	key := []byte{0x65, 0x88, 1, 1}
	for name, send := range map[string]func(b *bench, v *rtp.Track, at uint32){
		"in one packet": func(b *bench, v *rtp.Track, at uint32) { b.Send(v, at, true, aggregateOf(19_000, key...)...) },
		"in many": func(b *bench, v *rtp.Track, at uint32) {
			for range 100 {
				b.Send(v, at, false, aggregateOf(100, key...)...)
			}
			b.Send(v, at, true, 9, 0x10)
		},
		"each as if it were a picture": func(b *bench, v *rtp.Track, at uint32) {
			b.Send(v, at, true, key...)
			for range 10_000 {
				b.Send(v, at, true, 6, 5, 1, 1, 0x80)
			}
		},
		"between start codes": func(b *bench, v *rtp.Track, at uint32) {
			p := []byte{0x67, 1}
			for range 10_000 {
				p = append(p, 0, 0, 1, 0x67)
			}
			b.Send(v, at, false, p...)
			b.Send(v, at, true, key...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			v := b.Of(codec.H264)
			b.SendPictures(v, 1, 0, 20, nil)
			b.Seq[v] = 20
			send(b, v, 20*3600)
			for range 3 {
				send(b, v, 21*3600)
			}
			b.SendPictures(v, b.Seq[v]+1, 25*3600, 25, nil)
			v.Close()
			b.Feed.Close()
			require.GreaterOrEqual(t, b.Publisher.Losses[media.DropTooManyNALUnits], uint64(2))
			delete(b.Publisher.Losses, media.DropTooManyNALUnits)
			require.Empty(t, b.Publisher.Losses)
			require.GreaterOrEqual(t, len(b.Publisher.Units), 45, "except the units beyond the bound")
			for _, u := range b.Publisher.Units {
				require.LessOrEqual(t, len(u.NALs), ingest.MaxElements)
			}
			require.Equal(t, 1, strings.Count(b.Log.String(), "an access unit passed a bound"), "said once")
			require.Contains(t, b.Log.String(), "cause="+media.DropTooManyNALUnits)
			require.Zero(t, b.Feed.HeldBytes())
		})
	}
}

// As many NAL units as the bound allows are kept.
func TestManyNALUnitsAreKept(t *testing.T) {
	b := newBench(t)
	v := b.Of(codec.H264)
	for i := range uint32(3) {
		b.Send(v, i*3600, true, aggregateOf(ingest.MaxElements-1, 0x65, 0x88, byte(i), 1)...)
	}
	v.Close()
	b.Feed.Close()
	require.Empty(t, b.Publisher.Losses)
	require.Len(t, b.Publisher.Units, 3)
	require.Len(t, b.Publisher.Units[2].NALs, ingest.MaxElements)
}

// The memory of a feed is bounded for all kinds of held data, and all of it is released.
func TestTheMemoryOfAFeedIsBounded(t *testing.T) {
	large := func(b *bench, v *rtp.Track, at uint32, mib int) {
		b.Send(v, at, false, 0x7c, 0x85, 0x88, byte(b.Seq[v]), 1)
		part := append([]byte{0x7c, 5}, make([]byte, 65000)...)
		for range mib * 16 {
			b.Send(v, at, false, part...)
		}
		b.Send(v, at, true, 0x7c, 0x45, 1)
	}
	for name, send := range map[string]func(b *bench, v *rtp.Track, i uint32){
		"pictures of many NAL units": func(b *bench, v *rtp.Track, i uint32) {
			b.Send(v, i*3600, true, aggregateOf(4000, 0x65, 0x88, byte(i), 1)...)
		},
		"of one time": func(b *bench, v *rtp.Track, i uint32) {
			b.Send(v, 0, true, aggregateOf(4000, 0x65, 0x88, byte(i), 1)...)
		},
		"large ones":                func(b *bench, v *rtp.Track, i uint32) { large(b, v, i*3600, 10) },
		"large ones of one time":    func(b *bench, v *rtp.Track, _ uint32) { large(b, v, 0, 10) },
		"in each packet a new time": func(b *bench, v *rtp.Track, i uint32) { b.Send(v, i*77777, false, ingesttest.IDR...) },
	} {
		for _, known := range []bool{true, false} { // the parameter sets
			b := newBench(t)
			v := b.Of(codec.H264)
			if !known {
				v = b.Video(codec.H264)
			}
			b.audio() // the feed waits for it
			for i := range uint32(4) {
				send(b, v, i)
				require.LessOrEqual(t, b.Feed.HeldBytes(), int64(ingest.MaxFeedMemory), name)
			}
			v.Close()
			b.Feed.Close()
			require.Zero(t, b.Feed.HeldBytes(), name)
			require.LessOrEqual(t, ingest.IdleBytes(), ingest.MaxIdle)
		}
	}
}

// The hold counts the memory of a unit's elements, not only their bytes.
func TestTheHoldIsBoundedInMemory(t *testing.T) {
	b := newBench(t)
	v := b.Of(codec.H264)
	b.audio() // without data
	var most int64
	for i := range uint32(120) {
		b.Send(v, i*3600, true, aggregateOf(4000, 0x65, 0x88, byte(i), 1)...)
		most = max(most, b.Feed.HeldBytes())
	}
	require.NotEmpty(t, b.Publisher.Units, "it has begun")
	require.LessOrEqual(t, most, int64(ingest.HoldBytes+2<<20))
	require.Zero(t, b.Publisher.Losses[media.DropIngestMemory])
}

// The publishers that take the most memory are refused and get a problem; a camera beside them loses no unit.
func TestACameraBesideGreedyOnesLosesNothing(t *testing.T) {
	all := ingest.NewMemoryTotal(24 << 20)
	defer all.End()
	camera := newBench(t)
	v := camera.Of(codec.H264)
	var greedy []*bench
	part := append([]byte{0x7c, 5}, make([]byte, 65000)...)
	tracks := map[*bench]*rtp.Track{}
	for range 10 {
		b := newBench(t)
		tracks[b] = b.Of(codec.H264)
		b.Send(tracks[b], 0, false, 0x7c, 0x85, 0x88, 1)
		greedy = append(greedy, b)
	}
	for i := range 100 {
		for _, b := range greedy {
			b.Send(tracks[b], 0, false, part...)
		}
		camera.SendPictures(v, uint16(i), uint32(i)*3600, 1, nil)
		require.LessOrEqual(t, all.HeldBytes(), int64(40<<20))
	}
	v.Close()
	camera.Feed.Close()
	require.Len(t, camera.Publisher.Units, 100)
	require.Empty(t, camera.Publisher.Losses)
	told := 0
	for _, b := range greedy {
		told += strings.Count(b.Log.String(), "cause="+media.DropIngestMemory)
		tracks[b].Close()
		b.Feed.Close()
	}
	require.NotZero(t, told)
}

// The same if each part ends as if it were a picture.
func TestAPictureThatIsJoinedForEverIsBounded(t *testing.T) {
	b := newBench(t)
	v := b.Of(codec.H264)
	b.Send(v, 0, true, ingesttest.Coded{Kind: 5}.NAL(false)[:40]...)
	for range 40 * 1000 {
		b.Send(v, 0, true, 6, 5, 1, 1, 0x80)
	}
	require.LessOrEqual(t, b.Feed.HeldBytes(), int64(1<<20))
	require.EqualValues(t, 1, b.Publisher.Losses[media.DropTooManyNALUnits])
	b.SendPictures(v, b.Seq[v]+1, 3600, 30, nil)
	v.Close()
	b.Feed.Close()
	require.Len(t, b.Publisher.Units, 30, "the units behind it are kept")
}
