package stages

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// A chunk of many GOPs is cut as exactly as chunks of one GOP each.
func TestSegmenterCutsWithinAChunk(t *testing.T) {
	ms := func(n int) config.Duration { return config.Duration(time.Duration(n) * time.Millisecond) }
	for what, c := range map[string]struct {
		cfg    SegmenterConfig
		gop    int
		sound  bool
		begins []int // ms
		ends   media.Cause
	}{
		"by duration":           {SegmenterConfig{MaxDuration: ms(1500)}, 1, true, []int{0, 1520, 3040}, endcause.MaxDuration},
		"several times a chunk": {SegmenterConfig{MaxDuration: ms(200)}, 2, false, []int{0, 240, 480, 720, 960, 1200, 1440, 1680, 1920, 2160, 2400, 2640, 2880, 3120, 3360, 3600, 3840}, endcause.MaxDuration},
		"between two chunks":    {SegmenterConfig{MaxDuration: ms(2000)}, 1, true, []int{0, 2000}, endcause.MaxDuration},
		"by size":               {SegmenterConfig{MaxSize: 30 * 1004}, 1, false, []int{0, 1200, 2400, 3600}, endcause.MaxSize},
		"by the wall clock":     {SegmenterConfig{Align: config.Duration(3 * time.Second), Timezone: "UTC"}, 1, true, []int{0, 1000}, endcause.Aligned},
	} {
		pool := pipelinetest.Pool(t)
		cam := pipelinetest.NewCamera(t, pool)
		cam.GOP = c.gop
		if !c.sound {
			cam.Tracks(t, pipelinetest.AVC(640, 360))
		}
		r := newReel(t, c.cfg, nil)
		shot := append(cam.Shoot(t, 100), cam.Cut()...)
		require.LessOrEqual(t, len(shot), 5)
		want := units(shot)
		r.feed(shot...)
		r.flush()
		var begins []int
		got := 0
		for i, s := range r.segments {
			require.True(t, s.starts)
			require.True(t, s.Gap.None())
			if i+1 < len(r.segments) {
				require.Equal(t, c.ends, s.end, what)
			}
			begins, got = append(begins, int((s.StartUTC-pipelinetest.StartUTC)/1e6)), got+s.units
		}
		require.Equal(t, c.begins, begins, what)
		require.Equal(t, want, got, "no access unit is lost at a cut")
	}
}

// A file keeps within its size whatever the sound takes.
func TestSegmenterKeepsASizeWithinAChunk(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	cam.GOP = 3
	r := newReel(t, SegmenterConfig{MaxSize: 50_000}, nil)
	r.feed(append(cam.Shoot(t, 1000), cam.Cut()...)...)
	r.flush()
	for i, s := range r.segments[:len(r.segments)-1] {
		require.LessOrEqual(t, s.bytes, int64(50_000), "file %d", i)
		require.Greater(t, s.bytes, int64(30_000), "file %d", i)
	}
}

// After the stage tracks another track may lead, whose key frames lie anywhere in a chunk.
func TestSegmenterBeginsWithAKeyFrameWithinAChunk(t *testing.T) {
	pool := pipelinetest.Pool(t)
	set, err := media.NewTrackSet(1, []media.Track{pipelinetest.AVC(640, 360), pipelinetest.AVC(1280, 720)})
	require.NoError(t, err)
	second, err := media.NewTrackSet(1, set.Tracks[1:])
	require.NoError(t, err)
	r := newReel(t, SegmenterConfig{MaxDuration: config.Duration(time.Second)}, nil)
	b := media.NewBuilder(pool, media.BuilderConfig{}, func(c *media.Chunk) { r.feed(pool.View(c, second, []int{1})) })
	b.SetTracks(set)
	for i := range int64(100) {
		for track := range 2 {
			require.NoError(t, b.Append(track, &media.AU{
				DTS: i * 3600, PTS: i * 3600, UTC: pipelinetest.StartUTC + i*4e7, MonoNS: i * 4e7,
				Sync: i%25 == int64(10*track), Payload: [][]byte{{0x65, byte(i)}},
			}))
		}
	}
	b.Flush()
	r.flush()
	require.Len(t, r.segments, 4)
	for i, s := range r.segments {
		require.True(t, s.starts)
		require.EqualValues(t, pipelinetest.StartUTC+400e6+int64(i)*1e9, s.StartUTC)
	}
	require.EqualValues(t, 10, r.seg.(*segmenter).early.units.Load(), "counted")
}
