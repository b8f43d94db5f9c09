package live_test

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/media/live"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

const (
	frameTicks = 3600 // 25 pictures a second
	ringBytes  = 64 << 20
)

// stream appends pictures and sound to a builder whose units go to a ring. It releases the chunks as soon as they are
// complete, so that only the ring and its readers hold memory.
type stream struct {
	*media.Builder
	t      *testing.T
	pool   *media.Pool
	ring   *live.Ring
	chunks int   // complete ones
	dts    int64 // of the next picture
	sound  int64 // of the next frame of sound
	size   int   // bytes of a picture
}

func newStream(t *testing.T, maxBytes int) *stream {
	t.Helper()
	s := &stream{t: t, pool: pipelinetest.Pool(t), ring: live.NewRing(maxBytes), size: 1000}
	s.Builder = media.NewBuilder(s.pool, media.BuilderConfig{}, func(c *media.Chunk) { s.chunks++; c.Release() })
	s.setTracks(1)
	s.Observe(s.ring)
	t.Cleanup(func() {
		s.ring.Close()
		s.Flush()
	})
	return s
}

func (s *stream) setTracks(generation uint64) {
	s.t.Helper()
	set, err := media.NewTrackSet(generation, []media.Track{pipelinetest.AVC(640, 360), pipelinetest.AAC()})
	require.NoError(s.t, err)
	s.SetTracks(set)
}

// picture appends a picture, and the sound that is decoded before it.
func (s *stream) picture(sync bool) {
	s.t.Helper()
	scale := int64(s.Set().Tracks[1].Timescale)
	for s.sound*90000 < s.dts*scale {
		s.add(1, s.sound, true, 200)
		s.sound += 1024
	}
	s.add(0, s.dts, sync, s.size)
	s.dts += frameTicks
}

// gop appends a key frame and n-1 further pictures.
func (s *stream) gop(n int) {
	s.t.Helper()
	for i := range n {
		s.picture(i == 0)
	}
}

func (s *stream) add(track int, dts int64, sync bool, size int) {
	s.t.Helper()
	ns := media.ToNanos(dts, s.Set().Tracks[track].Timescale)
	require.NoError(s.t, s.Append(track, &media.AU{
		DTS: dts, PTS: dts, UTC: 1e18 + ns, MonoNS: ns, Sync: sync, Payload: [][]byte{content(track, dts, size)},
	}))
}

// units returns the number of appended units.
func (s *stream) units() uint64 { return uint64(s.dts/frameTicks + s.sound/1024) }

// content returns the bytes of the unit of a track at a time.
func content(track int, dts int64, size int) []byte {
	h := fnv.New32a()
	_ = binary.Write(h, binary.BigEndian, []int64{int64(track), dts})
	return bytes.Repeat(binary.BigEndian.AppendUint32(nil, h.Sum32()), (size+3)/4)[:size]
}

// check fails unless the bytes of the unit are those that were appended.
func check(t require.TestingT, u *live.Unit) {
	var got []byte
	for _, part := range u.Slices(nil) {
		got = append(got, part...)
	}
	require.Len(t, got, u.SizeBytes)
	if u.Track == 0 { // NAL units with their length
		require.Equal(t, uint32(len(got)-4), binary.BigEndian.Uint32(got))
		got = got[4:]
	}
	if !bytes.Equal(content(u.Track, u.DTS, len(got)), got) {
		require.Failf(t, "other bytes", "track %d, DTS %d", u.Track, u.DTS)
	}
}

// read returns copies of all units that have arrived, after a check of their bytes.
func read(t *testing.T, rd *live.Reader) (all []live.Unit) {
	t.Helper()
	for {
		u, err := rd.Poll()
		require.NoError(t, err)
		if u == nil {
			return all
		}
		if u.End == "" {
			check(t, u)
		}
		all = append(all, *u)
	}
}
