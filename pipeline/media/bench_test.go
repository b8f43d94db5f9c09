package media

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// camera is a stream as cameras send it: 25 pictures a second in GOPs of two
// seconds, and AAC. Sizes vary as an encoder's do.
type camera struct {
	b        *Builder
	units    [2]AU
	pictures []int // sizes, two GOPs
	sound    []byte
	payload  []byte
	n, m     int64 // pictures and frames of sound so far
	gop      int64 // pictures
}

func newCamera(tb testing.TB, pool *Pool, bitrate int, emit func(*Chunk)) *camera {
	c := &camera{b: NewBuilder(pool, BuilderConfig{}, emit), sound: make([]byte, 340), gop: 50}
	c.b.SetTracks(setOf(tb, video(), audio()))
	rng := rand.New(rand.NewPCG(1, 2))
	mean := bitrate / 8 / 25
	for i := range 100 {
		n := mean * (60 + rng.IntN(60)) / 100
		if i%50 == 0 {
			n = mean * 6
		}
		c.pictures = append(c.pictures, n)
	}
	c.payload = make([]byte, mean*6)
	for i := range c.units {
		c.units[i].Payload = make([][]byte, 1)
	}
	return c
}

// picture appends the next picture and the sound up to it, and returns the number of access units and of bytes.
func (c *camera) picture() (units, bytes int) {
	v, a := &c.units[0], &c.units[1]
	for c.m*1024*25 <= c.n*48000 {
		a.DTS, a.PTS, a.MonoNS, a.UTC = c.m*1024, c.m*1024, ToNanos(c.m*1024, 48000), 1e18
		a.Payload[0] = c.sound
		if c.b.Append(1, a) != nil {
			panic("refused")
		}
		c.m++
		units, bytes = units+1, bytes+len(c.sound)
	}
	size := c.pictures[c.n%int64(len(c.pictures))]
	v.DTS, v.PTS, v.MonoNS, v.UTC = c.n*3600, c.n*3600+7200, c.n*4e7, 1e18
	v.Sync = c.n%c.gop == 0
	v.Payload[0] = c.payload[:size]
	if c.b.Append(0, v) != nil {
		panic("refused")
	}
	c.n++
	return units + 1, bytes + size
}

func (c *camera) seconds(n int) (units int) {
	for range n * 25 {
		u, _ := c.picture()
		units += u
	}
	return units
}

// delay is the time for which chunks are held, as in a ring.
type delay struct {
	held [16]*Chunk
	next int
}

func (d *delay) take(c *Chunk) {
	if old := d.held[d.next]; old != nil {
		old.Release()
	}
	d.held[d.next] = c
	d.next = (d.next + 1) % len(d.held)
}

func (d *delay) drop() {
	for _, c := range d.held {
		if c != nil {
			c.Release()
		}
	}
}

func TestNoAllocationPerAccessUnit(t *testing.T) {
	for name, c := range map[string]struct {
		hold bool
		gop  int64
	}{"released at once": {false, 50}, "held": {true, 50}, "all key frames": {true, 1}} {
		t.Run(name, func(t *testing.T) {
			pool := NewPool(256 << 20)
			var d delay
			emit := (*Chunk).Release
			if c.hold {
				emit = d.take
			}
			cam := newCamera(t, pool, 4e6, emit)
			cam.gop = c.gop
			cam.seconds(120) // sizes and columns settle
			units := 0
			allocs := testing.AllocsPerRun(5, func() { units = cam.seconds(60) })
			require.Greater(t, units, 60*70)
			require.Zero(t, allocs, "in %d access units and 60 chunks", units)
			cam.b.Flush()
			d.drop()
			require.Zero(t, pool.Outstanding())
		})
	}
}

func TestMemoryOfAHeldStreamIsCloseToItsBytes(t *testing.T) {
	pool := NewPool(1 << 20)
	var memory, bytes int
	cam := newCamera(t, pool, 4e6, func(c *Chunk) {
		memory += c.MemoryBytes()
		bytes += c.Bytes()
		c.Release()
	})
	cam.seconds(100)
	require.Less(t, float64(memory), 1.2*float64(bytes))
}

func BenchmarkAppend(b *testing.B) {
	for _, c := range []struct {
		name    string
		bitrate int
	}{{"1Mbit", 1e6}, {"8Mbit", 8e6}, {"50Mbit", 50e6}} {
		b.Run(c.name, func(b *testing.B) {
			var d delay
			cam := newCamera(b, NewPool(1<<30), c.bitrate, d.take)
			cam.seconds(60)
			var units, bytes int
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				u, n := cam.picture()
				units, bytes = units+u, bytes+n
			}
			b.StopTimer()
			took := b.Elapsed()
			b.ReportMetric(float64(took.Nanoseconds())/float64(units), "ns/AU")
			b.ReportMetric(float64(bytes)/1e6/took.Seconds(), "MB/s")
			b.ReportMetric(float64(took)/float64(copying(cam, b.N)), "x-memcpy")
		})
	}
}

// copying returns the time that a copy of the same pictures takes, into as much memory as the held chunks have.
func copying(c *camera, n int) time.Duration {
	total := 0
	for _, size := range c.pictures {
		total += size
	}
	dst := make([]byte, total*4+len(c.payload))
	for i := range dst {
		dst[i] = 1
	}
	began := time.Now()
	at := 0
	for i := range n {
		size := c.pictures[i%len(c.pictures)]
		if at+size > len(dst) {
			at = 0
		}
		at += copy(dst[at:], c.payload[:size])
	}
	return time.Since(began)
}

// BenchmarkAppendTiny measures the cost of an access unit without that of copying its payload.
func BenchmarkAppendTiny(b *testing.B) {
	bld := NewBuilder(NewPool(1<<24), BuilderConfig{}, (*Chunk).Release)
	bld.SetTracks(setOf(b, audio()))
	au := AU{Payload: [][]byte{make([]byte, 8)}}
	for i := range b.N {
		au.DTS, au.MonoNS = int64(i)*1024, int64(i)*21333333
		au.PTS = au.DTS
		_ = bld.Append(0, &au)
	}
}

func BenchmarkRescale(b *testing.B) {
	var sum int64
	for i := range b.N {
		sum += Rescale(int64(i)*3600, 90000, 48000)
	}
	_ = sum
}

func BenchmarkPool(b *testing.B) {
	pool := NewPool(1 << 24)
	set := setOf(b, video(), audio())
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			c := pool.get(set)
			c.Tracks[0].Payload.grow(pool, 500<<10)
			pool.seal(c)
			c.Release()
		}
	})
}
