package stages

import (
	"bytes"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/config"
	"github.com/gospool/spool/pipeline/endcause"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// logged makes a reel that keeps its log.
func logged(t *testing.T, cfg SegmenterConfig, kept *pipeline.Handover) (*reel, *bytes.Buffer) {
	t.Helper()
	var log bytes.Buffer
	seg, err := newSegmenter(pipeline.Settings{
		Pipeline: "p", Stream: "live/x", Stage: "segmenter", Log: slog.New(slog.NewTextHandler(&log, nil)),
		Clock: pipeline.SystemClock, Handover: kept,
	}, cfg)
	require.NoError(t, err)
	return &reel{t: t, seg: seg}, &log
}

func (r *reel) report() (rep pipeline.Report) {
	r.seg.(pipeline.Reporter).Report(&rep)
	return rep
}

// rare returns a camera whose second key frame comes after the given number of pictures.
func rare(t *testing.T, pool *media.Pool, pictures int) *pipelinetest.Camera {
	cam := pipelinetest.NewCamera(t, pool)
	cam.GOP = pictures
	return cam
}

func TestSegmenterKeepsAFileOpenUntilTheNextKeyFrame(t *testing.T) {
	for name, cfg := range map[string]SegmenterConfig{
		"duration": {MaxDuration: config.Duration(3 * time.Second)},
		"clock":    {Align: config.Duration(3 * time.Second)},
		"size":     {MaxSize: 250_000}, // 35 kB a second
	} {
		t.Run(name, func(t *testing.T) {
			pool := pipelinetest.Pool(t)
			cam := rare(t, pool, 25*20)
			r, log := logged(t, cfg, nil)
			shot := append(cam.Shoot(t, 25*21), cam.Cut()...)
			want := units(shot)
			half := len(shot) - 3
			r.feed(shot[:half]...)
			require.Len(t, r.segments, 1)
			problems := r.report().Problems
			require.Len(t, problems, 1)
			require.Equal(t, "no_key_frame", problems[0].Problem)
			require.Contains(t, problems[0].Remedy, "key frame interval")
			require.False(t, problems[0].Failing, "it is recorded")
			r.feed(shot[half:]...)
			require.Empty(t, r.report().Problems, "it is over")
			r.flush()
			require.Len(t, r.segments, 2)
			require.True(t, r.segments[1].starts)
			require.True(t, r.segments[1].Gap.None())
			require.EqualValues(t, pipelinetest.StartUTC+20e9, r.segments[1].StartUTC)
			require.Equal(t, want, r.segments[0].units+r.segments[1].units, "nothing is lost")
			require.Equal(t, 1, strings.Count(log.String(), "level=WARN"), log.String())
			require.Contains(t, log.String(), "no key frame")
			require.Regexp(t, `seconds=\d`, log.String())
		})
	}
}

func TestSegmenterEndsAFileAtItsSizeBoundAndWaits(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := rare(t, pool, 25*20)
	r, log := logged(t, SegmenterConfig{MaxSize: 50_000}, nil)
	shot := append(cam.Shoot(t, 25*21), cam.Cut()...)
	want, chunks := units(shot), len(shot)
	r.feed(shot[:chunks-3]...)
	problems := r.report().Problems
	require.Len(t, problems, 1)
	require.True(t, problems[0].Failing, "it is not recorded")
	require.Equal(t, "key frame", r.report().Waiting)
	r.feed(shot[chunks-3:]...)
	require.Empty(t, r.report().Problems)
	r.flush()
	require.Equal(t, []media.Cause{endcause.MaxSize, endcause.Stop}, r.ends())
	require.LessOrEqual(t, r.segments[0].bytes, int64(200_000))
	require.Greater(t, r.segments[0].bytes, int64(150_000))
	require.True(t, r.segments[1].starts)

	var lost pipeline.Drop
	for _, d := range r.report().Drops {
		lost = d
	}
	require.Equal(t, "no_key_frame", lost.Cause)
	require.EqualValues(t, want-r.segments[0].units-r.segments[1].units, lost.AccessUnits)
	gap := r.segments[1].Gap
	require.Equal(t, media.GapNoKeyFrame, gap.Cause)
	require.Positive(t, gap.Chunks)
	require.EqualValues(t, gap.Chunks, int64(time.Duration(gap.DurationNS).Round(time.Second)/time.Second), "a chunk is a second")
	require.InDelta(t, float64(20-gap.Chunks), float64(r.segments[0].units)/(25+47), 0.5, "the units before the gap are recorded")
	require.Contains(t, log.String(), "cause=no_key_frame")
}

// Without max_size an overdue file ends 4 GiB after its last key frame, however large it was before.
func TestSegmenterBoundsTheGOPOfAFileWithoutMaxSize(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := pipelinetest.NewCamera(t, pool)
	r, _ := logged(t, SegmenterConfig{MaxDuration: config.Duration(2500 * time.Millisecond)}, nil)
	seg := r.seg.(*segmenter)
	shot := append(cam.Shoot(t, 25*2), cam.Cut()...) // two GOPs of a second
	r.feed(shot...)
	seg.segmentBytes = sizeBoundGOPBytes + 1e9 // of many GOPs
	cam.GOP = 1 << 30
	r.feed(append(cam.Shoot(t, 25*5), cam.Cut()...)...)
	require.Len(t, r.segments, 1, "the file is large, and the GOP is not")
	seg.gopBytes = sizeBoundGOPBytes
	r.feed(append(cam.Shoot(t, 25), cam.Cut()...)...)
	require.Equal(t, []media.Cause{endcause.MaxSize}, r.ends())
}

// A file without limits does not end for the length of a GOP.
func TestSegmenterWithoutLimitsKeepsTheLongestGOP(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := rare(t, pool, 1<<30)
	r, log := logged(t, SegmenterConfig{}, nil)
	r.feed(cam.Shoot(t, 50)...)
	r.seg.(*segmenter).gopBytes = sizeBoundGOPBytes * 2
	r.feed(append(cam.Shoot(t, 500), cam.Cut()...)...)
	require.Empty(t, r.report().Problems)
	r.flush()
	require.Equal(t, []media.Cause{endcause.Stop}, r.ends())
	require.Empty(t, log.String())
}

func TestSegmenterReportsTheWaitForTheFirstKeyFrame(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := rare(t, pool, 25*15)
	r, log := logged(t, SegmenterConfig{}, nil)
	shot := append(cam.Shoot(t, 25*16), cam.Cut()...)
	shot[0].Release()
	r.feed(shot[1:5]...)
	require.Empty(t, r.report().Problems, "key frames may be some seconds apart")
	r.feed(shot[5:13]...)
	require.Len(t, r.report().Problems, 1)
	require.True(t, r.report().Problems[0].Failing)
	require.Contains(t, log.String(), "no key frame")
	r.feed(shot[13:]...)
	require.Empty(t, r.report().Problems)
	require.True(t, r.last().Gap.None(), "nothing was recorded before")
	r.flush()
}

// The publisher of a stream without key frames is lost: the first file of the next run reports the gap at the end of
// this one.
func TestSegmenterLeavesItsGapToTheNextRun(t *testing.T) {
	pool := pipelinetest.Pool(t)
	cam := rare(t, pool, 1<<30)
	var kept pipeline.Handover
	r, _ := logged(t, SegmenterConfig{MaxSize: 50_000}, &kept)
	shot := append(cam.Shoot(t, 25*20), cam.Cut()...)
	r.feed(shot...)
	r.flush()
	missing := r.report().Drops[0].AccessUnits
	require.Positive(t, missing)
	require.NoError(t, r.seg.(io.Closer).Close())

	next, _ := logged(t, SegmenterConfig{}, &kept)
	cam = pipelinetest.NewCamera(t, pool)
	cam.Gap(media.Gap{Cause: media.GapSourceLost, DurationNS: 5e9})
	next.feed(append(cam.Shoot(t, 25), cam.Cut()...)...)
	next.flush()
	gap := next.last().Gap
	require.Equal(t, media.GapNoKeyFrame, gap.Cause, "the first cause")
	require.Greater(t, gap.DurationNS, int64(5e9+10e9))
	require.Nil(t, kept.Take("segmenter"))
}

// After the last picture sound goes on: the file counts the sound's duration.
func TestSegmenterReportsPicturesThatCeased(t *testing.T) {
	pool := pipelinetest.Pool(t)
	var out []*media.Chunk
	b := media.NewBuilder(pool, media.BuilderConfig{}, func(c *media.Chunk) { out = append(out, c) })
	set, err := media.NewTrackSet(1, []media.Track{pipelinetest.AVC(640, 360), pipelinetest.AAC()})
	require.NoError(t, err)
	b.SetTracks(set)
	require.NoError(t, b.Append(0, &media.AU{UTC: pipelinetest.StartUTC, Sync: true, Payload: [][]byte{{0x65, 1}}}))
	for n := range int64(480) {
		ns := media.ToNanos(n*1024, 48000)
		require.NoError(t, b.Append(1, &media.AU{DTS: n * 1024, PTS: n * 1024, UTC: pipelinetest.StartUTC + ns, MonoNS: ns, Payload: [][]byte{{1, 2}}}))
	}
	b.Flush()
	r, _ := logged(t, SegmenterConfig{MaxDuration: config.Duration(2 * time.Second)}, nil)
	r.feed(out...)
	require.Len(t, r.report().Problems, 1)
	r.flush()
	require.Len(t, r.segments, 1)
	require.Equal(t, 481, r.last().units)
}

// A file that ends at its size bound reports the hole within it. The gap before the next file does not count that hole
// again, however the file ended, unless a chunk in between is missing, too.
func TestSegmenterReportsAHoleBeforeItsSizeBoundOnce(t *testing.T) {
	const hole, frame = int64(3e9), int64(40e6)
	for name, c := range map[string]struct {
		max  config.Size
		mark *media.Mark // behind the hole
		lost bool        // a chunk behind the file, unseen
		once bool        // by the file
	}{
		"size":      {50_000, nil, false, true},
		"event":     {0, &media.Mark{Kind: media.MarkEnd, End: endcause.Event}, false, true},
		"key frame": {0, nil, false, false},
		"unseen":    {50_000, nil, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			pool := pipelinetest.Pool(t)
			cam := rare(t, pool, 25*10)
			r := newReel(t, SegmenterConfig{MaxSize: c.max}, nil)
			shot := cam.Shoot(t, 25*10-1)
			shot[2].Gaps = append(shot[2].Gaps, media.Gap{Cause: media.GapRTPLoss, StartUTC: shot[2].UTC - hole, DurationNS: hole, Track: 1, Places: 1, Next: true})
			cam.Gap(media.Gap{Cause: media.GapRTPLoss, DurationNS: hole + frame})
			for i, chunk := range append(shot, cam.Shoot(t, 25*3)...) {
				switch {
				case c.lost && i == 8:
					chunk.Release()
					continue
				case c.mark != nil && i == 4:
					r.feed(pool.NewMark(chunk.Set, chunk.Seq, *c.mark))
				}
				r.feed(chunk)
			}
			require.NotEmpty(t, r.segments)
			first := r.segments[0]
			require.Equal(t, name == "key frame", first.behind, "the next file begins at once")
			r.feed(cam.Cut()...)
			r.flush()
			require.Len(t, r.segments, 2)
			var dropped int64
			for _, d := range r.report().Drops {
				dropped += int64(d.AccessUnits)
			}
			want := frame
			if !c.once {
				want += hole
			}
			if c.max > 0 || c.mark != nil { // up to the key frame
				require.Positive(t, dropped)
				want += int64(10*25-first.pictures) * frame
			}
			if c.lost { // a mark reports it where media is dropped
				want -= 25 * frame
			}
			require.InDelta(t, want, r.segments[1].Gap.DurationNS, float64(time.Millisecond), name)
		})
	}
}
