// Package pipelinetest provides media for tests of stages, and a contract that each registered stage must keep.
package pipelinetest

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/codec"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
)

// Pool returns a checked pool. At its end, the test fails if a chunk of the pool is not released, and prints the
// stack of the code that took the chunk.
func Pool(t testing.TB) *media.Pool {
	t.Helper()
	pool := media.NewCheckedPool()
	t.Cleanup(func() { require.Zero(t, pool.Outstanding(), "chunks were not released:\n%s", pool.Leaks()) })
	return pool
}

// AVC returns an H.264 track of 25 pictures a second with the given size in its fields. Its parameter sets are
// valid, but always those of 640x360.
func AVC(width, height int) media.Track {
	return media.Track{
		Codec: codec.H264, Timescale: 90000, Width: width, Height: height,
		ParameterSets: [][]byte{
			{
				0x67, 0x42, 0xc0, 0x1e, 0x8d, 0x68, 0x0a, 0x02, 0xff, 0x97, 0x01, 0x6a, 0x02, 0x02,
				0x02, 0x80, 0x00, 0x00, 0x03, 0x00, 0x80, 0x00, 0x00, 0x19, 0x47, 0xf5,
			},
			{0x68, 0xce, 0x01, 0x0f, 0x20},
		},
	}
}

// AAC returns a stereo AAC-LC track at 48 kHz.
func AAC() media.Track {
	return media.Track{
		Codec: codec.AAC, Timescale: 48000, SampleRate: 48000, Channels: 2, FrameDurationTicks: 1024,
		ParameterSets: [][]byte{{0x11, 0x90}},
	}
}

// Camera makes the chunks of a stream with 25 pictures a second, and sound.
type Camera struct {
	GOP   int // pictures from one key frame to the next; 25 by default
	Bytes int // bytes of a picture; 1000 by default

	SteppedNS int64 // sum of the steps of the wall clock so far

	builder *media.Builder
	set     *media.TrackSet
	frame   int64
	sound   int64
	out     []*media.Chunk
}

// StartUTC is the wall clock of a camera's first picture.
const StartUTC int64 = 1_700_000_000_000_000_000

// NewCamera returns a camera with an H.264 track and an AAC track. At the end of the test it releases the
// chunks that it has not returned.
func NewCamera(t testing.TB, pool *media.Pool) *Camera {
	t.Helper()
	c := &Camera{GOP: 25, Bytes: 1000}
	c.builder = media.NewBuilder(pool, media.BuilderConfig{}, func(ch *media.Chunk) { c.out = append(c.out, ch) })
	c.Tracks(t, AVC(640, 360), AAC())
	t.Cleanup(func() {
		for _, left := range c.Cut() {
			left.Release()
		}
	})
	return c
}

// Tracks begins a new track set with the given tracks.
func (c *Camera) Tracks(t testing.TB, tracks ...media.Track) {
	t.Helper()
	generation := uint64(1)
	if c.set != nil {
		generation = c.set.Generation + 1
	}
	set, err := media.NewTrackSet(generation, tracks)
	require.NoError(t, err)
	c.set = set
	c.builder.SetTracks(set)
}

// Set returns the current track set of the camera.
func (c *Camera) Set() *media.TrackSet { return c.set }

// Gap puts the gap g before the camera's next key frame.
func (c *Camera) Gap(g media.Gap) { c.builder.MarkGap(g) }

// Shoot makes n pictures with their sound. It returns the chunks that are complete; the caller owns their
// references. The last pictures may stay in the open chunk.
func (c *Camera) Shoot(t testing.TB, n int) []*media.Chunk {
	t.Helper()
	for range n {
		ns, sync := c.frame*int64(40*time.Millisecond), c.frame%int64(c.GOP) == 0
		c.append(t, 0, &media.AU{
			DTS: c.frame * 3600, PTS: c.frame * 3600, UTC: StartUTC + ns + c.SteppedNS, SteppedNS: c.SteppedNS, MonoNS: ns,
			Sync: sync, Payload: [][]byte{slice(sync, c.Bytes)},
		})
		c.frame++
		for len(c.set.Tracks) > 1 && c.sound*1024*25 < c.frame*48000 {
			ns := media.ToNanos(c.sound*1024, 48000)
			c.append(t, 1, &media.AU{
				DTS: c.sound * 1024, PTS: c.sound * 1024, UTC: StartUTC + ns + c.SteppedNS, SteppedNS: c.SteppedNS, MonoNS: ns, Payload: [][]byte{make([]byte, 200)},
			})
			c.sound++
		}
	}
	return c.taken()
}

// slice returns a NAL unit of the given size, in bytes, of an IDR picture or of another picture. Only its
// header is valid.
func slice(idr bool, size int) []byte {
	nal := make([]byte, size)
	if nal[0] = 0x41; idr {
		nal[0] = 0x65
	}
	return nal
}

// Cut ends the open chunk. It returns this chunk and those before it that Shoot has not returned; the caller owns
// their references.
func (c *Camera) Cut() []*media.Chunk {
	c.builder.Flush()
	return c.taken()
}

func (c *Camera) append(t testing.TB, track int, au *media.AU) {
	if err := c.builder.Append(track, au); err != nil {
		require.NoError(t, err)
	}
}

func (c *Camera) taken() []*media.Chunk {
	out := c.out
	c.out = nil
	return out
}

// Publisher is the part of hub.Publisher that Publish needs.
type Publisher interface {
	SetTracks([]media.Track) error
	Write(track int, au *media.AU) error
	Close(reason media.Cause)
}

// Publish publishes pictures without pauses until the end of the test. begin opens the publisher.
func Publish(t testing.TB, begin func() (Publisher, error)) {
	t.Helper()
	p, err := begin()
	require.NoError(t, err)
	require.NoError(t, p.SetTracks([]media.Track{AVC(640, 360)}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		for n := int64(0); ; n++ {
			ns := n * int64(40*time.Millisecond)
			if p.Write(0, &media.AU{
				DTS: n * 3600, PTS: n * 3600, UTC: StartUTC + ns, MonoNS: ns,
				Sync: n%25 == 0, Payload: [][]byte{{0x65, byte(n)}},
			}) != nil {
				return
			}
		}
	}()
	t.Cleanup(func() {
		p.Close(endcause.Stop)
		<-done
	})
}
