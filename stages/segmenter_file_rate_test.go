package stages

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/gospool/spool/pipeline"
	"github.com/gospool/spool/pipeline/media"
	"github.com/gospool/spool/pipeline/pipelinetest"
)

// A sender that changes with each picture gets some files at once, and then one a second. Left out media is counted
// and is a gap, and the limit recovers.
func TestSenderThatChangesWithEachPictureFillsNoDisk(t *testing.T) {
	tracks := func(t *testing.T, cam *pipelinetest.Camera, n int) {
		cam.Tracks(t, pipelinetest.AVC(640, 360+16*(n%2)))
	}
	gap := func(g media.Gap) func(*testing.T, *pipelinetest.Camera, int) {
		return func(_ *testing.T, cam *pipelinetest.Camera, _ int) { cam.Gap(g) }
	}
	for name, change := range map[string]func(*testing.T, *pipelinetest.Camera, int){
		"tracks": tracks, "jumps": gap(media.Gap{Cause: media.GapTimestampJump}),
		"dates": func(_ *testing.T, cam *pipelinetest.Camera, n int) { cam.SteppedNS = int64(n%2) * 30e9 },
	} {
		t.Run(name, func(t *testing.T) {
			const seconds = 20
			cam := pipelinetest.NewCamera(t, pipelinetest.Pool(t))
			cam.GOP = 1
			tracks(t, cam, 0)
			r := newReel(t, SegmenterConfig{}, nil)
			sent := 0
			shoot := func(pictures int) {
				shot := append(cam.Shoot(t, pictures), cam.Cut()...)
				sent += units(shot)
				r.feed(shot...)
			}
			report := func() (out pipeline.Report) {
				r.seg.(*segmenter).Report(&out)
				return out
			}
			for n := range maxBreaks {
				shoot(1)
				change(t, cam, n)
			}
			require.Empty(t, report().Problems)
			for n := range 25 * seconds {
				shoot(1)
				change(t, cam, n)
			}
			require.GreaterOrEqual(t, len(r.segments), maxBreaks+seconds)
			require.LessOrEqual(t, len(r.segments), maxBreaks+seconds+5)
			require.Equal(t, media.GapTooManyFiles, r.last().Gap.Cause)
			troubled := report()
			require.Len(t, troubled.Problems, 1)
			require.Equal(t, "too_many_files", troubled.Problems[0].Problem)
			files := len(r.segments)
			shoot(25 * (maxBreaks + 2))
			require.LessOrEqual(t, len(r.segments), files+1, "from here on nothing changes")
			calm := report()
			require.Empty(t, calm.Problems)
			r.flush()
			recorded := 0
			for _, s := range r.segments {
				recorded += s.units
			}
			require.Len(t, calm.Drops, 1)
			require.Equal(t, sent, recorded+int(calm.Drops[0].AccessUnits), "left out units are counted")
		})
	}
}

// A camera behind a bad network that loses packets in each GOP, four times a second, gets a file for each loss; a
// sender with a loss after each picture does not.
func TestLossInEachGOPCostsNoOther(t *testing.T) {
	files := func(gop int) (segments, pictures int) {
		cam := pipelinetest.NewCamera(t, pipelinetest.Pool(t))
		cam.GOP = gop
		r := newReel(t, SegmenterConfig{}, nil)
		for pictures = 0; pictures < 40*25; pictures += gop {
			cam.Gap(media.Gap{Cause: media.GapRTPLoss, DurationNS: 1})
			r.feed(append(cam.Shoot(t, gop), cam.Cut()...)...)
		}
		r.flush()
		return len(r.segments), pictures / gop
	}
	got, want := files(7)
	require.Equal(t, want, got)
	got, _ = files(1)
	require.LessOrEqual(t, got, 4*(maxBreaks+40)+5)
}

// Losses of our own, such as an overload, do not count against the sender's limit of files.
func TestOwnTroubleIsNotTheSenders(t *testing.T) {
	cam := pipelinetest.NewCamera(t, pipelinetest.Pool(t))
	cam.GOP = 1
	r := newReel(t, SegmenterConfig{}, nil)
	for range 2 * maxBreaks {
		cam.Gap(media.Gap{Cause: media.GapOverload, Chunks: 1, DurationNS: 1})
		r.feed(append(cam.Shoot(t, 1), cam.Cut()...)...)
	}
	r.flush()
	require.Len(t, r.segments, 2*maxBreaks)
}
