package ingest

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/media"
)

// aggregateOf is a STAP-A of a NAL unit and n of one byte.
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

// An access unit has so many NAL units, however they come: the one that has more is
// left out, under a cause of its own, and the next one is taken.
func TestNALUnitsOfAnAccessUnitAreBounded(t *testing.T) {
	key := []byte{0x65, 0x88, 1, 1}
	for name, send := range map[string]func(b *bench, v *RTPTrack, at uint32){
		"in one packet": func(b *bench, v *RTPTrack, at uint32) { b.send(v, at, true, aggregateOf(19_000, key...)...) },
		"in many": func(b *bench, v *RTPTrack, at uint32) {
			for range 100 {
				b.send(v, at, false, aggregateOf(100, key...)...)
			}
			b.send(v, at, true, 9, 0x10)
		},
		"each as if it were a picture": func(b *bench, v *RTPTrack, at uint32) {
			b.send(v, at, true, key...)
			for range 10_000 {
				b.send(v, at, true, 6, 5, 1, 1, 0x80)
			}
		},
		"between start codes": func(b *bench, v *RTPTrack, at uint32) {
			p := []byte{0x67, 1}
			for range 10_000 {
				p = append(p, 0, 0, 1, 0x67)
			}
			b.send(v, at, false, p...)
			b.send(v, at, true, key...)
		},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			v := b.of(codec.H264)
			b.sendPictures(v, 1, 0, 20, nil)
			b.seq[v] = 20
			send(b, v, 20*3600)
			for range 3 {
				send(b, v, 21*3600)
			}
			b.sendPictures(v, b.seq[v]+1, 25*3600, 25, nil)
			v.Close()
			b.feed.Close()
			require.GreaterOrEqual(t, b.shelf.lost[media.DropTooManyNALUnits], uint64(2))
			delete(b.shelf.lost, media.DropTooManyNALUnits)
			require.Empty(t, b.shelf.lost)
			require.GreaterOrEqual(t, len(b.shelf.units), 45, "but for what passed the bound")
			for _, u := range b.shelf.units {
				require.LessOrEqual(t, len(u.nals), maxElements)
			}
			require.Equal(t, 1, strings.Count(b.log.String(), "an access unit passed a bound"), "said once")
			require.Contains(t, b.log.String(), "cause="+media.DropTooManyNALUnits)
			require.Zero(t, b.feed.memory.held)
		})
	}
}

// As many as the bound allows are kept.
func TestManyNALUnitsAreKept(t *testing.T) {
	b := newBench(t)
	v := b.of(codec.H264)
	for i := range uint32(3) {
		b.send(v, i*3600, true, aggregateOf(maxElements-1, 0x65, 0x88, byte(i), 1)...)
	}
	v.Close()
	b.feed.Close()
	require.Empty(t, b.shelf.lost)
	require.Len(t, b.shelf.units, 3)
	require.Len(t, b.shelf.units[2].nals, maxElements)
}

// An access unit that packets of one time go on and on for is left out after a while,
// be it one fragment or many slices; one that only waits for its successor is not.
func TestTheAgeOfAnAccessUnitIsBounded(t *testing.T) {
	for name, payload := range map[string][]byte{"a fragment": {0x7c, 5, 1}, "slices": idrLater, "nothing of a picture": {9, 0x10}} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			v := b.of(codec.H264)
			b.send(v, 0, false, 0x7c, 0x85, 0x88, 1)
			for range 200 {
				b.now = b.now.Add(100 * time.Millisecond)
				b.send(v, 0, false, payload...)
			}
			require.EqualValues(t, 1, b.shelf.lost[media.DropEndlessPicture])
			require.Zero(t, v.unit.Bytes())
			b.sendPictures(v, b.seq[v]+1, 21*90000, 20, nil)
			v.Close()
			b.feed.Close()
			require.Len(t, b.shelf.units, 20)
		})
	}
	b := newBench(t)
	v := b.of(codec.H264)
	for i := range uint32(5) {
		b.send(v, i*30*90000, false, idr...)
		b.now = b.now.Add(30 * time.Second)
	}
	v.Close()
	b.feed.Close()
	require.Len(t, b.shelf.units, 5)
	require.Empty(t, b.shelf.lost)
}

// Whatever is held back, what a feed takes is bounded, and all of it is given back.
func TestTheMemoryOfAFeedIsBounded(t *testing.T) {
	large := func(b *bench, v *RTPTrack, at uint32, mib int) {
		b.send(v, at, false, 0x7c, 0x85, 0x88, byte(b.seq[v]), 1)
		part := append([]byte{0x7c, 5}, make([]byte, 65000)...)
		for range mib * 16 {
			b.send(v, at, false, part...)
		}
		b.send(v, at, true, 0x7c, 0x45, 1)
	}
	for name, send := range map[string]func(b *bench, v *RTPTrack, i uint32){
		"pictures of many NAL units": func(b *bench, v *RTPTrack, i uint32) {
			b.send(v, i*3600, true, aggregateOf(4000, 0x65, 0x88, byte(i), 1)...)
		},
		"of one time": func(b *bench, v *RTPTrack, i uint32) {
			b.send(v, 0, true, aggregateOf(4000, 0x65, 0x88, byte(i), 1)...)
		},
		"large ones":                func(b *bench, v *RTPTrack, i uint32) { large(b, v, i*3600, 10) },
		"large ones of one time":    func(b *bench, v *RTPTrack, _ uint32) { large(b, v, 0, 10) },
		"in each packet a new time": func(b *bench, v *RTPTrack, i uint32) { b.send(v, i*77777, false, idr...) },
	} {
		for _, known := range []bool{true, false} { // the parameter sets
			b := newBench(t)
			v := b.of(codec.H264)
			if !known {
				v = b.video(codec.H264)
			}
			b.audio() // is waited for
			for i := range uint32(4) {
				send(b, v, i)
				require.LessOrEqual(t, b.feed.memory.held, int64(maxFeedMemory), name)
			}
			v.Close()
			b.feed.Close()
			require.Zero(t, b.feed.memory.held, name)
			require.LessOrEqual(t, units.bytes(), maxIdle)
		}
	}
}

// What a unit's elements cost is counted, not only their bytes: the hold ends when so
// much memory is taken.
func TestTheHoldIsBoundedInMemory(t *testing.T) {
	b := newBench(t)
	v := b.of(codec.H264)
	b.audio() // of which nothing comes
	var most int64
	for i := range uint32(120) {
		b.send(v, i*3600, true, aggregateOf(4000, 0x65, 0x88, byte(i), 1)...)
		most = max(most, b.feed.memory.held)
	}
	require.NotEmpty(t, b.shelf.units, "it has begun")
	require.LessOrEqual(t, most, int64(holdBytes+2<<20))
	require.Zero(t, b.shelf.lost[media.DropIngestMemory])
}

// Together feeds have a bound: who has more than a share is refused, who has little
// never is.
func TestFeedsShareWhatTheyMayTake(t *testing.T) {
	c := newCrowd(10 << 20)
	greedy, modest, little := newShare(c), newShare(c), newShare(c)
	require.True(t, greedy.grow(9<<20))
	require.True(t, modest.grow(4<<20), "less than half")
	require.True(t, little.grow(700<<10))
	require.False(t, greedy.grow(1), "there is too much, and it has the most of it")
	require.True(t, modest.grow(100<<10))
	require.True(t, greedy.grow(-8<<20))
	require.True(t, greedy.grow(1<<20))
	for _, s := range []*share{&greedy, &modest, &little} {
		s.grow(int(-s.held))
	}
	require.LessOrEqual(t, c.held.Load(), int64(3*2*memoryStep))
	require.Zero(t, c.large.Load())
	alone := newShare(newCrowd(1 << 40))
	require.True(t, alone.grow(maxFeedMemory))
	require.False(t, alone.grow(1))
}

// The publishers that take the most are refused, and told; a camera beside them loses
// nothing.
func TestACameraBesideGreedyOnesLosesNothing(t *testing.T) {
	was := everyone
	everyone = newCrowd(24 << 20)
	defer func() { everyone = was }()
	camera := newBench(t)
	v := camera.of(codec.H264)
	var greedy []*bench
	part := append([]byte{0x7c, 5}, make([]byte, 65000)...)
	tracks := map[*bench]*RTPTrack{}
	for range 10 {
		b := newBench(t)
		tracks[b] = b.of(codec.H264)
		b.send(tracks[b], 0, false, 0x7c, 0x85, 0x88, 1)
		greedy = append(greedy, b)
	}
	for i := range 100 {
		for _, b := range greedy {
			b.send(tracks[b], 0, false, part...)
		}
		camera.sendPictures(v, uint16(i), uint32(i)*3600, 1, nil)
		require.LessOrEqual(t, everyone.held.Load(), int64(40<<20))
	}
	v.Close()
	camera.feed.Close()
	require.Len(t, camera.shelf.units, 100)
	require.Empty(t, camera.shelf.lost)
	told := 0
	for _, b := range greedy {
		told += strings.Count(b.log.String(), "cause="+media.DropIngestMemory)
		tracks[b].Close()
		b.feed.Close()
	}
	require.NotZero(t, told)
}

// A unit that grew beyond a normal size does not keep its memory.
func TestAGrownUnitIsNotKept(t *testing.T) {
	p := newUnitPool()
	u := &Unit{}
	u.Put(make([]byte, maxIdleUnit))
	p.shard().put(u)
	require.Zero(t, p.bytes())
}

func TestTheBytesOfAnAccessUnitAreBounded(t *testing.T) {
	u := &Unit{}
	u.Begin()
	u.Add(make([]byte, maxUnitBytes)...)
	require.Empty(t, u.over)
	u.Add(1)
	require.Equal(t, media.DropTooLarge, u.over)
	require.Zero(t, u.memory()-(&Unit{}).memory(), "and given back")
}

// What waits for its time goes on without where it takes too much.
func TestUnitsThatWaitForTimesAreBoundedInMemory(t *testing.T) {
	gone := 0
	out := func(*Unit) { gone++ }
	r, s := withDepth(maxDepth), &spread{repaired: func(uint64) {}}
	s.reset(maxDepth, 90000)
	for i := range int64(9) {
		r.push(&Unit{PTS: i * 3600, buf: make([]byte, 2<<20)}, out)
		s.push(&Unit{PTS: i * 3600, buf: make([]byte, 2<<20)}, out)
		require.Equal(t, i*(2<<20) >= heldMemory-2<<20, gone > 0, "unit %d", i)
	}
	require.GreaterOrEqual(t, gone, 16)
}
