package stages

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

func keyframesStage(t testing.TB, pool *media.Pool, speed uint32) *keyframes {
	t.Helper()
	s, err := newKeyframes(settingsFor(t, pool, "keyframes"), KeyframesConfig{Speed: speed})
	require.NoError(t, err)
	return s.(*keyframes)
}

// idrUnit is an IDR picture in mdat form.
var idrUnit = []byte{0, 0, 0, 1, 0x65}

func TestKeyframesRunsAtTheConfiguredSpeed(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	cam.GOP = 50 // two seconds: 180000 ticks
	out := through(t, keyframesStage(t, pool, 60), append(cam.Shoot(t, 50*10), cam.Cut()...)...)
	require.Len(t, out, 10)
	for i, c := range out {
		require.EqualValues(t, i+1, c.Seq)
		require.True(t, c.StartsGOP)
		require.Len(t, c.Tracks, 1, "no sound")
		col := c.Tracks[0]
		require.Equal(t, []int64{int64(i) * 3000}, col.DTS)
		require.Equal(t, []int32{0}, col.OffsetTicks)
		require.EqualValues(t, i*3000+3000, col.EndTicks)
		require.Equal(t, int(col.SizeBytes[0]), col.Payload.Len())
		require.EqualValues(t, pipelinetest.StartUTC+int64(i)*2e9, c.UTC, "the wall clock is the camera's")
	}
}

func TestKeyframesCopiesKeptPictures(t *testing.T) {
	pool := pipelinetest.Pool(t) // overwrites released memory
	set, err := media.NewTrackSet(1, []media.Track{pipelinetest.AVC(640, 360)})
	require.NoError(t, err)
	var in []*media.Chunk
	b := media.NewBuilder(pool, media.BuilderConfig{Flush: 120 * time.Millisecond}, func(c *media.Chunk) { in = append(in, c) })
	b.SetTracks(set)
	for n := range int64(6) {
		au := media.AU{DTS: n * 3600, PTS: n*3600 + 7200, MonoNS: n * 4e7, Sync: n%3 == 0, Payload: [][]byte{{0x65, byte(n)}}}
		require.NoError(t, b.Append(0, &au))
	}
	b.Flush()
	out := through(t, keyframesStage(t, pool, 1), in...)
	require.Len(t, out, 2)
	require.Equal(t, []byte{0, 0, 0, 2, 0x65, 0}, out[0].Tracks[0].Payload.Append(nil))
	require.Equal(t, []byte{0, 0, 0, 2, 0x65, 3}, out[1].Tracks[0].Payload.Append(nil))
	require.EqualValues(t, 7200, out[0].Tracks[0].DTS[0], "shown when it was shown")
}

// If each picture is a key frame, those of a chunk stay in one chunk, which is one write.
func TestKeyframesThatComeTogetherStayTogether(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	cam.GOP = 1
	out := through(t, keyframesStage(t, pool, 10), append(cam.Shoot(t, 60), cam.Cut()...)...)
	require.Len(t, out, 3)
	n := int64(0)
	for i, c := range out {
		require.EqualValues(t, i+1, c.Seq)
		require.True(t, c.StartsGOP)
		require.EqualValues(t, pipelinetest.StartUTC+n*4e7, c.UTC)
		col := &c.Tracks[0]
		for j, dts := range col.DTS {
			require.EqualValues(t, n*360, dts)
			require.Equal(t, pipelinetest.StartUTC+n*4e7, c.UTCAt(j), "a time-lapse's wall clock")
			require.Equal(t, media.FlagSync, col.Flags[j])
			n++
		}
		require.EqualValues(t, n*360, col.EndTicks)
		require.Len(t, col.Payload.Append(nil), col.Len()*1004)
	}
	require.EqualValues(t, 60, n)
}

// The key frames are synced when the chunks that they come from would be.
func TestKeyframesOfLargePicturesAreSyncedTogether(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	cam.GOP, cam.Bytes = 1, 1<<20
	shot := append(cam.Shoot(t, 50), cam.Cut()...)
	var want, got []bool
	for _, c := range shot {
		want = append(want, c.More)
	}
	for _, c := range through(t, keyframesStage(t, pool, 10), shot...) {
		got = append(got, c.More)
	}
	require.Equal(t, want, got)
	require.Contains(t, want, true)
}

// The chunk that ends the flush interval may have no key frame: the key frames before it are synced all the same.
func TestKeyframesAreSyncedThoughTheIntervalEndsWithoutOne(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	cam.GOP, cam.Bytes = 25, 500<<10
	shot := append(cam.Shoot(t, 100), cam.Cut()...)
	require.True(t, shot[0].More)
	require.True(t, shot[0].StartsGOP)
	require.False(t, shot[1].StartsGOP)
	for _, c := range through(t, keyframesStage(t, pool, 10), shot...) {
		require.False(t, c.More)
	}
}

// For any input the times advance and the chunks follow each other.
func TestKeyframesTimesAlwaysAdvance(t *testing.T) {
	pool := pipelinetest.Pool(t)
	set, err := media.NewTrackSet(1, []media.Track{pipelinetest.AVC(640, 360)})
	require.NoError(t, err)
	rapid.Check(t, func(rt *rapid.T) {
		s := keyframesStage(t, pool, rapid.Uint32Range(1, 1_000_000).Draw(rt, "speed"))
		var out []*media.Chunk
		emit := func(c *media.Chunk) error { out = append(out, c); return nil }
		dts := rapid.Int64Range(-1e6, 1e6).Draw(rt, "start")
		for i := range rapid.IntRange(1, 30).Draw(rt, "chunks") {
			if rapid.IntRange(0, 9).Draw(rt, "mark") == 0 {
				require.NoError(rt, s.Process(t.Context(), pool.NewMark(set, uint64(i+1), media.Mark{Kind: media.MarkEnd, End: endcause.Event}), emit))
			}
			c := pool.NewChunk(set, uint64(i+1), []int{len(idrUnit)})
			copy(c.Tracks[0].Payload.Blocks()[0], idrUnit)
			dts += rapid.Int64Range(1, 1e6).Draw(rt, "step")
			c.Tracks[0].DTS, c.Tracks[0].OffsetTicks = []int64{dts}, []int32{0}
			c.Tracks[0].SizeBytes, c.Tracks[0].Flags, c.Tracks[0].EndTicks = []uint32{uint32(len(idrUnit))}, []uint8{media.FlagSync}, dts+1
			pool.Seal(c)
			require.NoError(rt, s.Process(t.Context(), c, emit))
		}
		require.NoError(rt, s.Flush(t.Context(), emit))
		defer releaseChunks(out)
		last, seq := int64(-1<<62), uint64(0)
		for _, c := range out {
			if c.Mark != nil {
				continue
			}
			require.Greater(rt, c.Tracks[0].DTS[0], last)
			require.Greater(rt, c.Tracks[0].EndTicks, c.Tracks[0].DTS[0])
			require.Equal(rt, seq+1, c.Seq)
			last, seq = c.Tracks[0].DTS[0], c.Seq
		}
	})
	require.Zero(t, pool.Memory())
}

func TestKeyframesReportsGaps(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	shot := append(cam.Shoot(t, 25*5), cam.Cut()...)
	require.Len(t, shot, 5)
	shot[1].Release()
	shot[2].Release()
	out := through(t, keyframesStage(t, pool, 10), shot[0], shot[3], shot[4])
	require.Len(t, out, 3)
	require.Equal(t, media.Gap{Cause: media.GapOverload, Chunks: 2}, out[1].Gap)
	require.True(t, out[2].Gap.None())
}

func TestKeyframesEndsAtAMark(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	shot := append(cam.Shoot(t, 50), cam.Cut()...)
	mark := pool.NewMark(cam.Set(), shot[1].Seq, media.Mark{Kind: media.MarkEnd, End: endcause.Event})
	out := through(t, keyframesStage(t, pool, 1), shot[0], mark, shot[1])
	require.Len(t, out, 3)
	require.Same(t, mark, out[1], "the picture before it comes before it")
	require.EqualValues(t, 3600, out[0].Tracks[0].EndTicks-out[0].Tracks[0].DTS[0], "nothing is known of the next one")
}

func TestKeyframesFollowsAChangeOfTracks(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	shot := append(cam.Shoot(t, 25), cam.Cut()...)
	cam.Tracks(t, pipelinetest.AVC(1280, 720))
	cam.GOP = 1
	shot = append(shot, append(cam.Shoot(t, 3), cam.Cut()...)...)
	out := through(t, keyframesStage(t, pool, 10), shot...)
	require.Equal(t, 640, out[0].Set.Tracks[0].Width)
	require.Equal(t, 1280, out[len(out)-1].Set.Tracks[0].Width)
}

func TestKeyframesOfSoundAloneAreNone(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	sound := through(t, tracksStage(t, pool, TracksConfig{Keep: []TrackMatch{{Kind: "audio"}}}), cam.Shoot(t, 100)...)
	for _, c := range sound {
		c.Retain()
	}
	s := keyframesStage(t, pool, 10)
	require.Empty(t, through(t, s, sound...))
	var r pipeline.Report
	s.Report(&r)
	require.Len(t, r.Warnings, 1)
}

// A stream of gradual refresh has recovery points and no picture that stands alone: the stage counts the pictures that
// it leaves out, and reports a problem for as long as none stands alone.
func TestKeyframesReportsThatNoPictureStandsAlone(t *testing.T) {
	pool := pipelinetest.Pool(t)
	set, err := media.NewTrackSet(1, []media.Track{pipelinetest.AVC(640, 360)})
	require.NoError(t, err)
	var in []*media.Chunk
	b := media.NewBuilder(pool, media.BuilderConfig{}, func(c *media.Chunk) { in = append(in, c) })
	b.SetTracks(set)
	later := []byte{6, 6, 2, 0x13, 0x10, 0x80} // whole after 8 pictures
	p := []byte{0x41, 0x9a, 0x80}
	for n, au := range [][][]byte{{{0x65}}, {later, p}, {later, p}, {later, p}, {{0x65}}} {
		require.NoError(t, b.Append(0, &media.AU{DTS: int64(n) * 90000, PTS: int64(n) * 90000, MonoNS: int64(n) * 1e9, Sync: true, Payload: au}))
	}
	b.Flush()
	s := keyframesStage(t, pool, 1)
	var out []*media.Chunk
	emit := func(c *media.Chunk) error { out = append(out, c); return nil }
	problems := func() (words []string) {
		var r pipeline.Report
		s.Report(&r)
		for _, p := range r.Problems {
			require.NotEmpty(t, p.Cause)
			require.NotEmpty(t, p.Remedy)
			require.False(t, p.Since.IsZero())
			words = append(words, p.Problem)
		}
		return words
	}
	for i, c := range in {
		require.NoError(t, s.Process(t.Context(), c, emit))
		if i == 2 || i == 3 {
			require.Equal(t, []string{"no_standalone_pictures"}, problems())
		} else {
			require.Empty(t, problems())
		}
	}
	require.NoError(t, s.Flush(t.Context(), emit))
	require.Len(t, out, 2)
	require.EqualValues(t, 4*90000, out[0].Tracks[0].EndTicks)
	var r pipeline.Report
	s.Report(&r)
	require.Equal(t, []pipeline.Drop{{Stage: "keyframes", Cause: "not_decodable_alone", AccessUnits: 3, Bytes: 3 * 17}}, r.Drops)
	releaseChunks(out)
}

// A stream whose key frames stop coming is a problem, too.
func TestKeyframesReportsMissingKeyFrames(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	cam.GOP = 25 * 62
	s := keyframesStage(t, pool, 1)
	var out []*media.Chunk
	emit := func(c *media.Chunk) error { out = append(out, c); return nil }
	said := 0
	for range 130 {
		for _, c := range cam.Shoot(t, 25) {
			require.NoError(t, s.Process(t.Context(), c, emit))
			var r pipeline.Report
			s.Report(&r)
			require.Empty(t, r.Drops)
			said += len(r.Problems)
		}
	}
	require.InDelta(t, 4, said, 2, "seconds past the minute, twice")
	require.NoError(t, s.Flush(t.Context(), emit))
	require.Len(t, out, 3)
	releaseChunks(out)
}

func TestKeyframesReleasesItsChunksOnAbort(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	s := keyframesStage(t, pool, 10)
	boom := errors.New("boom")
	fail := func(c *media.Chunk) error { c.Release(); return boom }
	shot := cam.Shoot(t, 76)
	require.Len(t, shot, 3)
	require.NoError(t, s.Process(context.Background(), shot[0], fail), "the first key frame is kept back")
	require.ErrorIs(t, s.Process(context.Background(), shot[1], fail), boom)
	require.NoError(t, s.Process(context.Background(), shot[2], fail))
	require.NoError(t, s.Close())
}

func TestKeyframesRefusesASpeedWithoutTimes(t *testing.T) {
	require.ErrorContains(t, KeyframesConfig{}.Validate(), "speed")
	require.ErrorContains(t, KeyframesConfig{Speed: 2_000_000}.Validate(), "speed")
	require.NoError(t, KeyframesConfig{Speed: 1}.Validate())
}

// A chunk without a key frame is dropped. Its gaps are not: they go to the chunk of the key frames that are shown
// meanwhile, or else to the next one.
func TestKeyframesPassOnTheGapsOfDroppedChunks(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	cam.GOP = 50
	shot := append(cam.Shoot(t, 150), cam.Cut()...)
	require.Len(t, shot, 6)
	gap := func(i, track int) media.Gap {
		return media.Gap{Cause: media.GapStall, StartUTC: shot[i].UTC + int64(i), DurationNS: 1, Track: track, Places: 1}
	}
	for i, c := range shot[1:] {
		c.Gaps = []media.Gap{gap(i+1, 1), gap(i+1, 2)}
	}
	shot[1].Gaps = append(shot[1].Gaps, gap(1, 0))
	shot[0].Release()
	require.False(t, shot[1].StartsGOP, "before any key frame")
	want := [][]media.Gap{{gap(1, 1), gap(1, 0), gap(2, 1), gap(3, 1), gap(4, 1)}, {gap(5, 1)}}
	var got [][]media.Gap
	for _, c := range through(t, keyframesStage(t, pool, 1), shot[1:]...) {
		got = append(got, c.Gaps)
	}
	require.Equal(t, want, got)
}
